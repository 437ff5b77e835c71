"""Groups, labels, annotations and finalizers of the Open Application Model (inventory 1.3, 1.4)."""

GROUP = "core.oam.dev"
V1BETA1 = "core.oam.dev/v1beta1"
V1ALPHA1 = "core.oam.dev/v1alpha1"

SYSTEM_NAMESPACE = "vela-system"
FIELD_MANAGER = "lateen"
LOCAL = "local"  # the cluster the control plane itself is

# labels
APP_NAME = "app.oam.dev/name"
APP_NAMESPACE = "app.oam.dev/namespace"
APP_COMPONENT = "app.oam.dev/component"
APP_REVISION = "app.oam.dev/appRevision"
APP_REVISION_HASH = "app.oam.dev/app-revision-hash"
APP_CLUSTER = "app.oam.dev/cluster"
APP_UID = "app.oam.dev/uid"
COMPONENT_REVISION = "app.oam.dev/revision"
RESOURCE_TYPE = "app.oam.dev/resourceType"
WORKLOAD_TYPE = "workload.oam.dev/type"
TRAIT_TYPE = "trait.oam.dev/type"
TRAIT_RESOURCE = "trait.oam.dev/resource"
RENDER_HASH = "oam.dev/render-hash"
SCHEMA = "definition.oam.dev"  # on a ConfigMap with the parameter schema of a definition
SCHEMA_OF = "definition.oam.dev/name"
ADOPTED = "app.oam.dev/adopt"  # native or helm: what an application was made of
PAUSE = "controller.core.oam.dev/pause"
RUN_NAME = "workflowrun.oam.dev/name"  # on what the steps of a WorkflowRun apply
RUN_NAMESPACE = "workflowrun.oam.dev/namespace"
PIPELINE = "pipeline.oam.dev/name"  # which WorkflowRuns are runs of the same

# annotations
PUBLISH_VERSION = "app.oam.dev/publishVersion"
WORKFLOW_NAME = "app.oam.dev/workflowName"
ADDRESS = "lateen.dev/address"  # of a Service: where it answers on the machine of its node
LOWEST_PORT = "lateen.dev/lowest-port"  # of a node: its loopback addresses have others above
DELETE_DATA = "lateen.dev/delete-data"  # its author consents to the loss of data
RETURN = "lateen.dev/return-to"  # the stored revision an application was sent back to
QUARANTINE = "lateen.dev/quarantine"  # on a revision: why it is not delivered, and what is instead
# how many objects may go at once; on the system namespace: by setting
DELETION_LIMIT = "lateen.dev/deletion-limit"
ALLOW_DELETE = "lateen.dev/allow-delete"  # so many more may go: 214@7, of generation 7
SPARE_DATA = "lateen.dev/spare-data"  # on the system namespace: whether what holds data stays
SHARED_BY = "app.oam.dev/shared-by"  # ns1/app1,ns2/app2
CONTROLLER_VERSION = "oam.dev/kubevela-version"
AUTO_REVISION = "policy.oam.dev/auto-revision"  # it follows policies that change applications
SKIP_GLOBAL = "policy.oam.dev/skip-global"
WRITTEN = "lateen.dev/written"  # on a revision: a hash of what its author wrote, before policies
REFERRED = "lateen.dev/referred-by"  # in a revision, on a copied object: the component it is of
RESOURCE_URL = "app.oam.dev/resource-url"  # where a copied object was read
AUTO_UPDATE = "app.oam.dev/autoUpdate"
REQUIRED_CONTROLLER = "app.oam.dev/controller-version-require"
REQUIRED_CONTROLLER_OF_DEFINITION = "definition.oam.dev/controller-version-require"
REQUIRED_CONTROLLER_OF_RUN = "workflowrun.oam.dev/controller-version-require"
RUN_DEBUG = "workflowrun.oam.dev/debug"
RESTART_WORKFLOW = "app.oam.dev/restart-workflow"
RECONCILE_INTERVAL = "app.oam.dev/reconcile-interval"
USERNAME = "app.oam.dev/username"
AUTHOR = "lateen.dev/author"  # on a revision: who wrote what became it
SERVICE_ACCOUNT = "app.oam.dev/service-account-name"
DESCRIPTION = "definition.oam.dev/description"
DEFINITION_REVISION = "definitionrevision.oam.dev/name"
ALIAS = "definition.oam.dev/alias"
KUBECTL_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
INPLACE_UPGRADE = "app.oam.dev/inplace-upgrade"
FILTER_LABELS = "filter.oam.dev/label-keys"
FILTER_ANNOTATIONS = "filter.oam.dev/annotation-keys"
WORKFLOW_STARTED = "vela.io/startTime"
COPY_OF = "lateen.dev/copy-of"  # on a Secret: namespace and name of the one that it is a copy of
WAVE = "lateen.dev/wave"  # a number: objects of a component go out in its order, 0 if none is said
ONCE = "lateen.dev/once"  # it runs to its end, once for each value
ONCE_DELETE = "lateen.dev/once-delete"  # hook-succeeded, hook-failed: when it goes afterwards
FAREWELL = "lateen.dev/farewell"  # on a Secret: what runs before and after its component goes
FAREWELL_DONE = "lateen.dev/farewell-done"  # how much of that has run to its end
ANEW = "lateen.dev/anew"  # on a main object: going back to it delivers it again, by its workflow
CALLED_BY = "lateen.dev/hook-secret"  # on an application: a Secret; who calls proves its token
SKIP_HOOKS = "lateen.dev/skip-hooks"  # on an application: it goes without what its charts want run
WAIT = "lateen.dev/wait"  # on a main object: each wave has to be healthy before the next
RUN = "lateen.dev/run"  # on a ResourceTracker: which run, where one revision had several
REPLACE = "lateen.dev/replace"  # "true": it is written whole when it changes
RELEASE = "lateen.dev/release"  # on the pods of a chart: which release they were started by
KEEP = "lateen.dev/keep"  # "true": nothing deletes it with its application
HELM_POLICY = "helm.sh/resource-policy"  # keep: it outlives its release

# on the credential Secret of a joined cluster: labels, then annotations (semantics D)
CLUSTER_CREDENTIAL = "cluster.core.oam.dev/cluster-credential-type"
CLUSTER_ENDPOINT = "cluster.core.oam.dev/cluster-endpoint-type"
CLUSTER_OWN = "cluster.core.oam.dev"  # labels that begin so are not the user's
CONTROL_PLANE = "cluster.core.oam.dev/control-plane"
CLUSTER_ALIAS = "cluster.core.oam.dev/cluster-alias"
CLUSTER_VERSION = "cluster.core.oam.dev/cluster-version"
CLUSTER_HEALTHY = "status.cluster.core.oam.dev/healthy"
CLUSTER_REASON = "status.cluster.core.oam.dev/healthy-reason"
CLUSTER_SEEN = "status.cluster.core.oam.dev/last-seen"

# finalizers
APP_FINALIZER = "app.oam.dev/resource-tracker-finalizer"
APP_ORPHAN = "app.oam.dev/orphan-resource"
TRACKER_FINALIZER = "resourcetracker.core.oam.dev/finalizer"

AUXILIARY = "AuxiliaryWorkload"
AUTODETECTS = "autodetects.core.oam.dev"
