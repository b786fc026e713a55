from tests.deployments.conftest import replica_context as replica_context
from tests.metrics.fakes import recorded as recorded
