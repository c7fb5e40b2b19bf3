// SPDX-License-Identifier: Apache-2.0

package revision_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/validation"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/api/v1beta2"
	"metallb.io/metallb/internal/config"
	"metallb.io/metallb/internal/revision"
)

const password = "do not show this"

func snapshot(t *testing.T, objects config.Objects) config.Snapshot {
	t.Helper()
	s, verdicts, _ := config.Build(objects, config.Snapshot{})
	for _, v := range verdicts {
		require.NoError(t, v.Err())
	}
	return s
}

func objects() config.Objects {
	return config.Objects{
		PasswordKey: config.NewPassword("key"),
		Pools: []v1beta1.IPAddressPool{{
			ObjectMeta: metav1.ObjectMeta{Name: "pool", Generation: 1},
			Spec:       v1beta1.IPAddressPoolSpec{Addresses: []v1beta1.AddressRange{"192.0.2.0/24"}},
		}},
		Peers: []v1beta2.BGPPeer{{
			ObjectMeta: metav1.ObjectMeta{Name: "peer", Generation: 1},
			Spec:       v1beta2.BGPPeerSpec{MyASN: 64512, PeerASN: 64513, PeerAddress: "192.0.2.1", Password: password},
		}},
	}
}

func TestWhatIsStoredComesBack(t *testing.T) {
	s := snapshot(t, objects())
	raw, err := revision.Encode(s)
	require.NoError(t, err)
	require.NotContains(t, string(raw), password)

	data, err := revision.Read(raw)
	require.NoError(t, err)
	require.Equal(t, revision.Name(s), data.Secret)
	back, err := data.Snapshot(revision.Passwords(revision.SecretData(s)))
	require.NoError(t, err)
	require.True(t, back.Equal(s))
	require.Equal(t, revision.Name(s), revision.Name(back))
	peer, ok := back.Peer("peer")
	require.True(t, ok)
	require.Equal(t, password, peer.Password.Reveal())
}

func TestWithoutItsPasswordAPeerIsDown(t *testing.T) {
	raw, err := revision.Encode(snapshot(t, objects()))
	require.NoError(t, err)
	data, err := revision.Read(raw)
	require.NoError(t, err)
	for name, secret := range map[string]map[string][]byte{"none": nil, "another": {"other": []byte("x")}, "empty": {"peer": {}}} {
		t.Run(name, func(t *testing.T) {
			s, err := data.Snapshot(revision.Passwords(secret))
			require.NoError(t, err)
			peer, ok := s.Peer("peer")
			require.True(t, ok)
			require.True(t, peer.Down())
		})
	}
}

// TestTheNameFollowsWhatIsStored, not only what it makes components do.
func TestTheNameFollowsWhatIsStored(t *testing.T) {
	s := snapshot(t, objects())
	require.Equal(t, revision.Name(s), revision.Name(snapshot(t, objects())))

	relabelled := objects()
	relabelled.Pools[0].Labels = map[string]string{"tier": "gold"}
	require.Equal(t, s.Hash(), snapshot(t, relabelled).Hash())
	require.NotEqual(t, revision.Name(s), revision.Name(snapshot(t, relabelled)))

	otherPassword := objects()
	otherPassword.Peers[0].Spec.Password = "another"
	require.NotEqual(t, revision.Name(s), revision.Name(snapshot(t, otherPassword)))
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	for _, raw := range []string{`{"format":99,"gzip":""}`, `{"gzip":""}`, `{}`} {
		_, err := revision.Read([]byte(raw))
		require.ErrorIs(t, err, config.ErrUnknownFormat, raw)
	}
	_, err := revision.Read([]byte(`[]`))
	require.Error(t, err)

	raw, err := revision.Encode(snapshot(t, objects()))
	require.NoError(t, err)
	data, err := revision.Read(raw)
	require.NoError(t, err)
	data.Gzip = data.Gzip[:len(data.Gzip)/2]
	_, err = data.Snapshot(nil)
	require.Error(t, err)
}

func TestWhatIsTooLargeIsRefusedWithItsSize(t *testing.T) {
	var o config.Objects
	for i := range 60_000 {
		o.Communities = append(o.Communities, v1beta1.Community{
			ObjectMeta: metav1.ObjectMeta{Name: fmt.Sprintf("c-%d-%s", i, strings.Repeat(fmt.Sprintf("%x", i*7919), 8))},
			Spec:       v1beta1.CommunitySpec{Communities: []v1beta1.CommunityAlias{{Name: fmt.Sprint("a", i), Value: v1beta1.CommunityValue(fmt.Sprintf("%d:%d", i%65536, i*31%65536))}}},
		})
	}
	_, err := revision.Encode(snapshot(t, o))
	require.ErrorIs(t, err, revision.ErrTooLarge)
	require.ErrorContains(t, err, "1048576")
}

// TestTheBoundOfTheSizeHolds compares the bound with the truth, for sets that grow,
// shrink and change.
func TestTheBoundOfTheSizeHolds(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var stored config.Snapshot
	var size revision.Size
	for range 200 {
		var o config.Objects
		for i := range random.IntN(300) {
			name := fmt.Sprintf("%x", random.Uint64())
			if random.IntN(2) == 0 {
				name = fmt.Sprint("stays-", i)
			}
			o.Communities = append(o.Communities, v1beta1.Community{
				ObjectMeta: metav1.ObjectMeta{Name: name, Generation: random.Int64N(3)},
				Spec:       v1beta1.CommunitySpec{Communities: []v1beta1.CommunityAlias{{Name: name, Value: v1beta1.CommunityValue(fmt.Sprintf("%d:%d", random.IntN(65536), i))}}},
			})
		}
		next, _, _ := config.Build(o, stored)
		require.NoError(t, revision.Fits(next, stored, size))
		grown, err := revision.Measure(next)
		require.NoError(t, err)
		added, _ := next.AddedSize(stored)
		require.LessOrEqual(t, grown.Data, size.Data+added*4/3+4<<10)
		stored, size = next, grown
	}
}

func TestNames(t *testing.T) {
	require.Equal(t, "speaker-node1", revision.SpeakerState("node1"))
	require.Equal(t, "node1", revision.LabelValue("node1"))

	long := strings.Repeat("a", 45) + "." + strings.Repeat("b", 207)
	other := strings.Repeat("a", 45) + "." + strings.Repeat("b", 206) + "c"
	require.Empty(t, validation.IsDNS1123Subdomain(revision.SpeakerState(long)))
	require.Empty(t, validation.IsValidLabelValue(revision.LabelValue(long)))
	require.NotEqual(t, revision.SpeakerState(long), revision.SpeakerState(other))
	require.NotEqual(t, revision.LabelValue(long), revision.LabelValue(other))
	require.Empty(t, validation.IsValidLabelValue(revision.LabelValue(strings.Repeat("a", 44)+"..."+strings.Repeat("b", 100))))
}

func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"format":1,"gzip":""}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		data, err := revision.Read(raw)
		if err != nil {
			return
		}
		s, err := data.Snapshot(nil)
		if err != nil {
			return
		}
		again, err := revision.Encode(s)
		require.NoError(t, err)
		require.True(t, json.Valid(again) && bytes.Contains(again, []byte(`"format":1`)))
	})
}
