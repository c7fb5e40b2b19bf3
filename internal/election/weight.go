// SPDX-License-Identifier: Apache-2.0

package election

// The parameters of FNV-1a with 64 bits (draft-eastlake-fnv).
const (
	fnvOffset uint64 = 14695981039346656037
	fnvPrime  uint64 = 1099511628211
)

// keyHash is the state of the hash after the key, from which the weight of each
// node goes on.
type keyHash uint64

// hashKey hashes the key and a byte that ends it, so that key and node cannot
// be told apart differently.
//
// The weights decide which node answers for an address, and nodes of different
// versions must decide alike: the function must never change.
func hashKey(key string) keyHash {
	return keyHash(fnv1a(fnvOffset, key) * fnvPrime) // the byte is zero: the XOR of FNV-1a is left out
}

func (k keyHash) rank(c Candidate) ranked {
	return ranked{Candidate: c, weight: mix(fnv1a(uint64(k), c.Name))}
}

func fnv1a(h uint64, s string) uint64 {
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * fnvPrime
	}
	return h
}

// mix is the finalizer of MurmurHash3. FNV-1a alone spreads the last bytes
// badly, and the last byte is all that tells node1 from node2.
func mix(h uint64) uint64 {
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	h ^= h >> 33
	return h
}
