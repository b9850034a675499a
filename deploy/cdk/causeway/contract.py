"""What both services expect of the place they run in. Tests hold this against the services' own `config --check`."""

import hashlib
import json

from aws_cdk import Aws

from causeway.diaries import bucket_name
from causeway.settings import Settings

PORT = 8080
HEALTH_PATH = "/health"
DOCTOR_PATH = "/test-connection"
DRAIN_SECONDS = 25
"""How long a service takes at most to finish what it has begun after SIGTERM."""

STOP_TIMEOUT_SECONDS = 30
"""When ECS stops waiting: the drain and a little more."""

UNPRIVILEGED_USER = "65532:65532"

NAMESPACE = "apprunner.demo"
PRIVATE_SERVICE_NAME = "privateservice"
PRIVATE_SERVICE_URL = f"http://{PRIVATE_SERVICE_NAME}.{NAMESPACE}:{PORT}"

METRICS_NAMESPACE = "Causeway"
"""Where `METRICS=emf` puts the services' own metrics, each with the one dimension `service`."""

_LOGGING = {"RUST_LOG": "info", "LOG_FORMAT": "json", "METRICS": "emf"}


def frontend_environment(settings: Settings, log_in: dict[str, str]) -> dict[str, str]:
    """The same on every front door. `log_in` is what `Data.log_in_variables` returns."""
    pictures = {"DIARY_BUCKET": bucket_name(settings)} if settings.diaries else {}
    days = settings.visits_retention_days
    retention = {} if days is None else {"VISITS_RETENTION_DAYS": str(days)}
    return {
        **pictures,
        **retention,
        **_LOGGING,
        "BIND_ADDRESS": "0.0.0.0",
        "AWS_REGION": Aws.REGION,
        # Each front door's proxy adds the client's address to X-Forwarded-For; whatever stands left of it is hearsay.
        "FORWARDED_HOPS": "1",
        **log_in,
        "DB_SSLMODE": "verify-full",
        "DB_POOL_SIZE": str(settings.database_pool_size),
        "ECSPRIVATESERVICE": PRIVATE_SERVICE_URL,
    }


def revision(parts: object) -> str:
    """Returns a short name for what runs: the image and its environment."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def private_service_environment(catalogue: str | None = None) -> dict[str, str]:
    """`catalogue` turns the same image into the books or the authors service."""
    environment = {**_LOGGING, "PORT": str(PORT), "BIND_ADDRESS": "0.0.0.0"}
    return environment if catalogue is None else {**environment, "CATALOGUE": catalogue}
