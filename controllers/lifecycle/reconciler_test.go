// SPDX-License-Identifier: Apache-2.0

package lifecycle_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr/testr"
	operatorsv2 "github.com/operator-framework/api/pkg/operators/v2"
	"github.com/stretchr/testify/require"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/managedfields"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"metallb.io/metallb/api/v1beta1"
	"metallb.io/metallb/controllers/lifecycle"
	"metallb.io/metallb/internal/operand"
)

const namespace = "metallb-system"

// cluster is an API server with nobody but the Reconciler at work.
type cluster struct {
	client.Client
	t          *testing.T
	ctx        context.Context
	reconciler *lifecycle.Reconciler
	events     *events.FakeRecorder

	writes []string         // what was sent since the last look
	refuse map[string]error // by "Kind name"
	schema string           // of the CustomResourceDefinitions, which do not exist if it is empty
}

func newCluster(t *testing.T, objects ...client.Object) *cluster {
	t.Helper()
	scheme := runtime.NewScheme()
	require.NoError(t, clientgoscheme.AddToScheme(scheme))
	require.NoError(t, v1beta1.AddToScheme(scheme))
	require.NoError(t, operatorsv2.AddToScheme(scheme))

	c := &cluster{
		t:      t,
		ctx:    log.IntoContext(t.Context(), testr.New(t)),
		events: events.NewFakeRecorder(100),
		refuse: map[string]error{},
		schema: "1",
	}
	c.Client = fake.NewClientBuilder().
		WithScheme(scheme).
		WithStatusSubresource(&v1beta1.MetalLB{}, &appsv1.Deployment{}, &appsv1.DaemonSet{}).
		WithObjects(objects...).
		// By their schema, NetworkPolicies have no status, and the fake client gives
		// them one.
		WithTypeConverters(managedfields.NewDeducedTypeConverter()).
		WithInterceptorFuncs(interceptor.Funcs{
			Get: func(ctx context.Context, next client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
				crd, ok := o.(*metav1.PartialObjectMetadata)
				switch {
				case !ok:
					return next.Get(ctx, key, o, opts...)
				case c.schema == "":
					return apierrors.NewNotFound(schema.GroupResource{Resource: "customresourcedefinitions"}, key.Name)
				}
				crd.Labels = map[string]string{v1beta1.SchemaLabel: c.schema}
				return nil
			},
			Apply: func(ctx context.Context, next client.WithWatch, obj runtime.ApplyConfiguration, opts ...client.ApplyOption) error {
				if err := c.sent(obj, ""); err != nil {
					return err
				}
				return next.Apply(ctx, obj, opts...)
			},
			SubResourceApply: func(ctx context.Context, next client.Client, sub string, obj runtime.ApplyConfiguration, opts ...client.SubResourceApplyOption) error {
				if err := c.sent(obj, "/"+sub); err != nil {
					return err
				}
				return next.SubResource(sub).Apply(ctx, obj, opts...)
			},
		}).
		Build()
	c.reconciler = c.newReconciler()
	return c
}

func (c *cluster) newReconciler() *lifecycle.Reconciler {
	return lifecycle.NewReconciler(c.Client, c.Client, c.events, operand.Params{Image: "example/metallb:v1", Version: "v1"})
}

// sent notes a write, and refuses it if the test says so.
func (c *cluster) sent(obj runtime.ApplyConfiguration, suffix string) error {
	data, err := json.Marshal(obj)
	if err != nil {
		return err
	}
	var o metav1.PartialObjectMetadata
	if err := json.Unmarshal(data, &o); err != nil {
		return err
	}
	what := o.Kind + " " + o.Name
	if err := c.refuse[what]; err != nil {
		return err
	}
	c.writes = append(c.writes, what+suffix)
	return nil
}

// reconcile runs the Reconciler once and returns what it wrote.
func (c *cluster) reconcile() ([]string, error) {
	c.t.Helper()
	result, err := c.reconciler.Reconcile(c.ctx, reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: "metallb"}})
	require.Zero(c.t, result, "nothing is ever looked at just because time has passed")
	writes := c.writes
	c.writes = nil
	return writes, err
}

// settle runs the Reconciler until it has nothing more to write.
func (c *cluster) settle() {
	c.t.Helper()
	for range 5 {
		writes, err := c.reconcile()
		require.NoError(c.t, err)
		if len(writes) == 0 {
			return
		}
	}
	c.t.Fatal("the reconciler goes on writing")
}

func (c *cluster) get(o client.Object, name string) {
	c.t.Helper()
	require.NoError(c.t, c.Get(c.ctx, client.ObjectKey{Namespace: namespace, Name: name}, o))
}

func (c *cluster) condition(kind string) metav1.Condition {
	c.t.Helper()
	m := &v1beta1.MetalLB{}
	c.get(m, "metallb")
	condition := meta.FindStatusCondition(m.Status.Conditions, kind)
	require.NotNil(c.t, condition, kind)
	return *condition
}

// happened returns the events since the last look.
func (c *cluster) happened() []string {
	var all []string
	for {
		select {
		case event := <-c.events.Events:
			all = append(all, event)
		default:
			return all
		}
	}
}

// roll plays the Deployment and DaemonSet controllers: all pods become ready.
func (c *cluster) roll() {
	c.t.Helper()
	d := &appsv1.Deployment{}
	c.get(d, "controller")
	d.Status = appsv1.DeploymentStatus{ObservedGeneration: max(d.Generation, 1), Replicas: 1, UpdatedReplicas: 1, AvailableReplicas: 1}
	require.NoError(c.t, c.Status().Update(c.ctx, d))
	s := &appsv1.DaemonSet{}
	c.get(s, "speaker")
	s.Status = appsv1.DaemonSetStatus{
		ObservedGeneration: max(s.Generation, 1), DesiredNumberScheduled: 3, CurrentNumberScheduled: 3,
		UpdatedNumberScheduled: 3, NumberAvailable: 3, NumberReady: 3,
	}
	require.NoError(c.t, c.Status().Update(c.ctx, s))
}

func metalLB() *v1beta1.MetalLB {
	return &v1beta1.MetalLB{
		ObjectMeta: metav1.ObjectMeta{Name: "metallb", Namespace: namespace, UID: "1", Generation: 1},
		Spec:       v1beta1.MetalLBSpec{LogLevel: v1beta1.LogLevelInfo},
	}
}

func TestDeploysAndBecomesAvailable(t *testing.T) {
	c := newCluster(t, metalLB())

	writes, err := c.reconcile()
	require.NoError(t, err)
	require.Equal(t, []string{"DaemonSet speaker", "Deployment controller", "MetalLB metallb/status"}, writes)
	require.Equal(t, []string{"Normal Created Created DaemonSet speaker", "Normal Created Created Deployment controller"}, c.happened())
	require.Equal(t, metav1.ConditionFalse, c.condition(v1beta1.ConditionAvailable).Status)
	require.Equal(t, metav1.ConditionTrue, c.condition(v1beta1.ConditionProgressing).Status)

	c.roll()
	writes, err = c.reconcile()
	require.NoError(t, err)
	require.Equal(t, []string{"MetalLB metallb/status"}, writes, "a new status of a workload is no reason to apply it")
	require.Equal(t, metav1.ConditionTrue, c.condition(v1beta1.ConditionAvailable).Status)
	require.Equal(t, int64(1), c.condition(v1beta1.ConditionAvailable).ObservedGeneration)
	require.Equal(t, metav1.ConditionFalse, c.condition(v1beta1.ConditionProgressing).Status)
	require.Equal(t, metav1.ConditionFalse, c.condition(v1beta1.ConditionDegraded).Status)

	writes, err = c.reconcile()
	require.NoError(t, err)
	require.Empty(t, writes, "idle writes nothing")
}

func TestWorkloadsAreOwned(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	for name, o := range map[string]client.Object{"controller": &appsv1.Deployment{}, "speaker": &appsv1.DaemonSet{}} {
		c.get(o, name)
		owner := metav1.GetControllerOf(o)
		require.NotNil(t, owner)
		require.Equal(t, types.UID("1"), owner.UID)
		require.Equal(t, "MetalLB", owner.Kind)
	}
}

func TestRepairsDrift(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	c.roll()
	c.settle()
	c.happened()

	t.Run("deleted", func(t *testing.T) {
		require.NoError(t, c.Delete(c.ctx, &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Name: "speaker", Namespace: namespace}}))
		writes, err := c.reconcile()
		require.NoError(t, err)
		require.Contains(t, writes, "DaemonSet speaker")
		require.NotContains(t, writes, "Deployment controller")
		c.get(&appsv1.DaemonSet{}, "speaker")
	})
	t.Run("changed", func(t *testing.T) {
		d := &appsv1.Deployment{}
		c.get(d, "controller")
		d.Spec.Template.Spec.Containers[0].Image = "example/other:v0"
		require.NoError(t, c.Update(c.ctx, d))
		c.happened()
		c.settle()
		c.get(d, "controller")
		require.Equal(t, "example/metallb:v1", d.Spec.Template.Spec.Containers[0].Image)
		require.Equal(t, []string{"Normal Repaired Undid a change of Deployment controller that was not made by the operator"}, c.happened())
	})
	t.Run("label taken away", func(t *testing.T) {
		d := &appsv1.Deployment{}
		c.get(d, "controller")
		delete(d.Labels, "app")
		require.NoError(t, c.Update(c.ctx, d))
		c.settle()
		c.get(d, "controller")
		require.Equal(t, "metallb", d.Labels["app"])
	})
	t.Run("somebody else's annotation stays", func(t *testing.T) {
		c.happened()
		d := &appsv1.Deployment{}
		c.get(d, "controller")
		d.Annotations = map[string]string{"deployment.kubernetes.io/revision": "7"}
		require.NoError(t, c.Update(c.ctx, d))
		c.settle()
		c.get(d, "controller")
		require.Equal(t, "7", d.Annotations["deployment.kubernetes.io/revision"])
		require.Empty(t, c.happened())
	})
}

// TestWhoeverScalesTheControllerIsLeftAlone, unless the MetalLB object says how many
// there are to be.
func TestWhoeverScalesTheControllerIsLeftAlone(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	c.roll()
	c.settle()
	c.happened()
	scale := func(replicas int32) {
		d := new(appsv1.Deployment)
		c.get(d, "controller")
		d.Spec.Replicas = &replicas
		require.NoError(t, c.Update(c.ctx, d, client.FieldOwner("autoscaler")))
		c.settle()
	}
	ask := func(replicas *int32) {
		m := new(v1beta1.MetalLB)
		c.get(m, "metallb")
		m.Spec.Replicas = replicas
		require.NoError(t, c.Update(c.ctx, m))
		c.settle()
	}
	replicas := func() *int32 {
		d := new(appsv1.Deployment)
		c.get(d, "controller")
		return d.Spec.Replicas
	}

	scale(2)
	require.Equal(t, new(int32(2)), replicas())
	require.Equal(t, "Deployment controller: 1 of 2 ready, 1 of 2 up to date", c.condition(v1beta1.ConditionAvailable).Message)
	scale(0)
	require.Equal(t, new(int32(0)), replicas())
	require.Contains(t, c.condition(v1beta1.ConditionAvailable).Message, "Deployment controller: no pod is asked for")
	require.NotContains(t, strings.Join(c.happened(), "\n"), "Repaired")

	ask(new(int32(3)))
	require.Equal(t, new(int32(3)), replicas())
	c.happened()
	scale(2)
	require.Equal(t, new(int32(3)), replicas())
	require.Equal(t, []string{"Normal Repaired Undid a change of Deployment controller that was not made by the operator"}, c.happened())

	ask(nil)
	require.Nil(t, replicas(), "the API server makes it 1")
}

// TestAStoppedMetalLBIsTakenOver: ours has the name of its controller, which was
// scaled to nothing.
func TestAStoppedMetalLBIsTakenOver(t *testing.T) {
	theirs := &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "controller", Labels: map[string]string{"app": "metallb", "component": "controller"}},
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(0))},
	}
	c := newCluster(t, metalLB(), theirs)
	writes, err := c.reconcile()
	require.NoError(t, err)
	require.Contains(t, writes, "Deployment controller")
	d := new(appsv1.Deployment)
	c.get(d, "controller")
	require.Equal(t, new(int32(1)), d.Spec.Replicas)
	c.settle()
	d = new(appsv1.Deployment)
	c.get(d, "controller")
	require.Nil(t, d.Spec.Replicas, "it is left to the API server, which makes it 1")
}

func TestFollowsTheSpec(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	c.happened()
	m := &v1beta1.MetalLB{}
	c.get(m, "metallb")
	m.Spec.LoadBalancerClass = "example.com/edge"
	m.Spec.NodeSelector = map[string]string{"edge": "yes"}
	require.NoError(t, c.Update(c.ctx, m))
	c.settle()
	require.Equal(t, []string{"Normal Updated Updated DaemonSet speaker", "Normal Updated Updated Deployment controller"}, c.happened())

	s := &appsv1.DaemonSet{}
	c.get(s, "speaker")
	require.Contains(t, s.Spec.Template.Spec.Containers[0].Args, "--lb-class=example.com/edge")
	require.Equal(t, "yes", s.Spec.Template.Spec.NodeSelector["edge"])

	c.get(m, "metallb")
	m.Spec.NodeSelector = nil
	require.NoError(t, c.Update(c.ctx, m))
	c.settle()
	c.get(s, "speaker")
	require.NotContains(t, s.Spec.Template.Spec.NodeSelector, "edge", "what is no longer rendered is taken away")
}

// Restarting the pods to change how much they log would lose what is to be seen.
func TestTheLogLevelTouchesNoWorkload(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	m := &v1beta1.MetalLB{}
	c.get(m, "metallb")
	m.Spec.LogLevel = v1beta1.LogLevelDebug
	require.NoError(t, c.Update(c.ctx, m))
	writes, err := c.reconcile()
	require.NoError(t, err)
	require.Empty(t, writes)
}

// The API server refuses limits with the type Recreate. What it has added itself
// to a strategy would stay, so nothing of that is left to it.
func TestTheStrategyCanBeReplaced(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	d, m := &appsv1.Deployment{}, &v1beta1.MetalLB{}
	c.get(d, "controller")
	require.NotNil(t, d.Spec.Strategy.RollingUpdate.MaxSurge)
	require.NotNil(t, d.Spec.Strategy.RollingUpdate.MaxUnavailable)

	c.get(m, "metallb")
	m.Spec.ControllerConfig = &v1beta1.ControllerConfig{Strategy: &v1beta1.ControllerStrategy{Type: v1beta1.ControllerRecreate}}
	require.NoError(t, c.Update(c.ctx, m))
	c.settle()
	d = &appsv1.Deployment{}
	c.get(d, "controller")
	require.Equal(t, appsv1.DeploymentStrategy{Type: appsv1.RecreateDeploymentStrategyType}, d.Spec.Strategy)
}

func TestTellsWhatTheAPIServerRefuses(t *testing.T) {
	c := newCluster(t, metalLB())
	c.refuse["DaemonSet speaker"] = apierrors.NewForbidden(appsv1.Resource("daemonsets"), "speaker", fmt.Errorf("not allowed"))

	writes, err := c.reconcile()
	require.True(t, apierrors.IsForbidden(err), "the error is returned, so that it is tried again: %v", err)
	require.Equal(t, []string{"Deployment controller", "MetalLB metallb/status"}, writes, "one object's failure does not hold up the others")
	degraded := c.condition(v1beta1.ConditionDegraded)
	require.Equal(t, metav1.ConditionTrue, degraded.Status)
	require.Equal(t, operand.ReasonApplyFailed, degraded.Reason)
	require.Contains(t, degraded.Message, "DaemonSet speaker: does not exist; cannot be applied")
	require.Contains(t, degraded.Message, "not allowed")
	require.Contains(t, c.happened(), "Warning ApplyFailed "+degraded.Message)

	writes, err = c.reconcile()
	require.Error(t, err)
	require.Empty(t, writes, "the same failure is told once")

	delete(c.refuse, "DaemonSet speaker")
	c.settle()
	require.Equal(t, metav1.ConditionFalse, c.condition(v1beta1.ConditionDegraded).Status)
	require.Contains(t, c.happened(), "Normal Recovered No longer degraded")
}

func TestNamesThePodInTheWay(t *testing.T) {
	c := newCluster(t, metalLB(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "speaker-abc", Namespace: namespace, Labels: map[string]string{"app": "metallb", "component": "speaker"}},
		Spec:       corev1.PodSpec{NodeName: "node2"},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{{
			State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "no such image"}},
		}}},
	})
	c.settle()
	require.Equal(t, "DaemonSet speaker: waits for its first pods; pod speaker-abc on node2: ImagePullBackOff: no such image",
		c.condition(v1beta1.ConditionDegraded).Message)
}

func TestConditionTimesAreStable(t *testing.T) {
	m := metalLB()
	then := metav1.NewTime(time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC))
	m.Status.Conditions = []metav1.Condition{
		{Type: v1beta1.ConditionAvailable, Status: metav1.ConditionFalse, Reason: "Old", LastTransitionTime: then},
	}
	c := newCluster(t, m)
	c.settle()
	available := c.condition(v1beta1.ConditionAvailable)
	require.Equal(t, operand.ReasonNotReady, available.Reason)
	require.True(t, available.LastTransitionTime.Equal(&then), "only the reason has changed")

	c.roll()
	c.settle()
	require.True(t, c.condition(v1beta1.ConditionAvailable).LastTransitionTime.After(then.Time))
}

func TestRestartedOperatorWritesNothingNew(t *testing.T) {
	c := newCluster(t, metalLB())
	c.settle()
	c.roll()
	c.settle()
	c.happened()

	c.reconciler = c.newReconciler()
	writes, err := c.reconcile()
	require.NoError(t, err)
	require.Equal(t, []string{"DaemonSet speaker", "Deployment controller"}, writes, "sent once, to find that all is well")
	require.Empty(t, c.happened())
	writes, err = c.reconcile()
	require.NoError(t, err)
	require.Empty(t, writes)
}

func TestLeavesADeletedMetalLBAlone(t *testing.T) {
	m := metalLB()
	m.Finalizers = []string{"foregroundDeletion"}
	c := newCluster(t, m)
	require.NoError(t, c.Delete(c.ctx, m))
	writes, err := c.reconcile()
	require.NoError(t, err)
	require.Empty(t, writes)

	c = newCluster(t)
	writes, err = c.reconcile()
	require.NoError(t, err)
	require.Empty(t, writes)
}

func TestOwnParams(t *testing.T) {
	own := &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "metallb-operator-0", Namespace: namespace},
		Spec: corev1.PodSpec{
			ImagePullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
			Containers: []corev1.Container{
				{Name: "injected", Image: "example/mesh"},
				{Name: "operator", Image: "example/metallb:v1", ImagePullPolicy: corev1.PullAlways},
			},
		},
	}
	c := newCluster(t, own)
	params, err := lifecycle.OwnParams(c.ctx, c, client.ObjectKeyFromObject(own))
	require.NoError(t, err)
	require.Equal(t, operand.Params{
		Image:       "example/metallb:v1",
		PullPolicy:  corev1.PullAlways,
		PullSecrets: []corev1.LocalObjectReference{{Name: "registry"}},
	}, params)

	_, err = lifecycle.OwnParams(c.ctx, c, client.ObjectKey{Namespace: namespace, Name: "other"})
	require.True(t, apierrors.IsNotFound(err))
}

// TestOutdatedCRDs: what runs is left as it is, until they are those of the version.
func TestOutdatedCRDs(t *testing.T) {
	for name, number := range map[string]string{"none": "", "without a number": "x", "of an earlier version": "0"} {
		t.Run(name, func(t *testing.T) {
			c := newCluster(t, metalLB())
			c.settle()
			c.roll()
			c.settle()

			c.reconciler = lifecycle.NewReconciler(c.Client, c.Client, c.events, operand.Params{Image: "example/metallb:v2", Version: "v2"})
			c.schema = number
			request := reconcile.Request{NamespacedName: types.NamespacedName{Namespace: namespace, Name: "metallb"}}
			for range 2 {
				result, err := c.reconciler.Reconcile(c.ctx, request)
				require.NoError(t, err)
				require.NotZero(t, result.RequeueAfter, "nobody tells when they change")
			}
			require.Equal(t, []string{"MetalLB metallb/status"}, c.writes)
			c.writes = nil
			degraded := c.condition(v1beta1.ConditionDegraded)
			require.Equal(t, operand.ReasonCRDsOutdated, degraded.Reason)
			require.Contains(t, degraded.Message, "metallbs.metallb.io")
			require.Contains(t, degraded.Message, "kubectl apply -k config/crd")
			require.Equal(t, metav1.ConditionTrue, c.condition(v1beta1.ConditionAvailable).Status, "it goes on")

			c.schema = "2" // of a later version
			c.settle()
			require.Equal(t, operand.ReasonAsExpected, c.condition(v1beta1.ConditionDegraded).Reason)
			d := new(appsv1.Deployment)
			c.get(d, "controller")
			require.Equal(t, "example/metallb:v2", d.Spec.Template.Spec.Containers[0].Image)
		})
	}
}

func TestTellsTheVersionThatRunsEverywhere(t *testing.T) {
	c := newCluster(t, metalLB())
	version := func() string {
		m := new(v1beta1.MetalLB)
		c.get(m, "metallb")
		return m.Status.Version
	}
	c.settle()
	require.Empty(t, version())
	c.roll()
	c.settle()
	require.Equal(t, "v1", version())

	s := new(appsv1.DaemonSet)
	c.get(s, "speaker")
	s.Status.UpdatedNumberScheduled = 1
	require.NoError(t, c.Status().Update(c.ctx, s))
	c.reconciler = lifecycle.NewReconciler(c.Client, c.Client, c.events, operand.Params{Image: "example/metallb:v2", Version: "v2"})
	c.settle()
	require.Equal(t, "v1", version(), "the pods are being replaced")
	c.roll()
	c.settle()
	require.Equal(t, "v2", version())
}

// TestTellsOLMWhetherItMayBeReplaced, and keeps what an administrator has overridden.
func TestTellsOLMWhetherItMayBeReplaced(t *testing.T) {
	override := metav1.Condition{Type: operatorsv2.Upgradeable, Status: metav1.ConditionTrue, Reason: "Override"}
	condition := &operatorsv2.OperatorCondition{
		ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "metallb.v1"},
		Spec:       operatorsv2.OperatorConditionSpec{Overrides: []metav1.Condition{override}},
	}
	c := newCluster(t, metalLB(), condition)
	told := func() metav1.Condition {
		c.get(condition, condition.Name)
		require.Len(t, condition.Spec.Conditions, 1)
		require.Equal(t, override.Reason, condition.Spec.Overrides[0].Reason)
		return condition.Spec.Conditions[0]
	}
	c.reconciler.TellOLM(client.ObjectKeyFromObject(condition))
	c.settle()
	require.Equal(t, metav1.ConditionFalse, told().Status)
	c.roll()
	c.settle()
	require.Equal(t, metav1.ConditionTrue, told().Status)

	version := condition.ResourceVersion
	c.reconciler = c.newReconciler()
	c.reconciler.TellOLM(client.ObjectKeyFromObject(condition))
	c.settle()
	told()
	require.Equal(t, version, condition.ResourceVersion, "what it says already is not written again")
}
