"""The connection budget: the front doors at their largest, during a roll-out, must fit into the database."""

from causeway.kinds import SettingError
from causeway.settings import Settings

MAX_CONNECTIONS_BY_MAX_ACU = {1: 189, 4: 823, 8: 1669, 16: 3360, 32: 5000}
"""Aurora's default `max_connections` follows the *maximum* capacity, not the present one (AWS's table)."""

MAX_CONNECTIONS_AT_LOW_MINIMUM = 2000
"""With a minimum of 0 or 0.5 ACU Aurora PostgreSQL never allows more."""

LOW_MINIMUM_ACU = 0.5

RESERVED_CONNECTIONS = 10
"""PostgreSQL's own reserve, the Data API at deployment, the rotation function, and a person with psql."""

CONNECTIONS_BESIDE_THE_POOL = 2
"""Each instance opens one more for its supervisor and one for the doctor."""

ROLL_OUT_FACTOR = 2
"""Every front door starts the new instances beside the old ones, each with its own pool."""


def max_connections(max_acu: float, min_acu: float) -> int:
    """Returns what the database allows; between two rows of the table, the lower one."""
    row = max(acu for acu in MAX_CONNECTIONS_BY_MAX_ACU if acu <= max_acu)
    allowed = MAX_CONNECTIONS_BY_MAX_ACU[row]
    return min(allowed, MAX_CONNECTIONS_AT_LOW_MINIMUM) if min_acu <= LOW_MINIMUM_ACU else allowed


def connections_needed(settings: Settings) -> int:
    """Returns what the front doors can open at most, plus the reserve."""
    instances = settings.front_door_max_instances * len(settings.front_door) * ROLL_OUT_FACTOR
    return instances * (settings.database_pool_size + CONNECTIONS_BESIDE_THE_POOL) + RESERVED_CONNECTIONS


def check_connection_budget(settings: Settings) -> None:
    """Raises an error with the sum written out: the alternative is "too many connections" in the busiest roll-out."""
    if settings.is_dsql:
        # It accepts 10,000, which the largest settings do not reach.
        return
    needed = connections_needed(settings)
    allowed = max_connections(settings.database_max_acu, settings.database_min_acu)
    if needed > allowed:
        raise SettingError(
            f"front_door_max_instances={settings.front_door_max_instances}: {len(settings.front_door)} front door(s)"
            f" x {settings.front_door_max_instances} instances"
            f" x ({settings.database_pool_size} + {CONNECTIONS_BESIDE_THE_POOL}) connections"
            f" x {ROLL_OUT_FACTOR} during a roll-out + {RESERVED_CONNECTIONS} reserved = {needed} connections,"
            f" but {settings.database_max_acu:g} ACU allow {allowed};"
            " lower it or database_pool_size, or raise database_max_acu"
        )
