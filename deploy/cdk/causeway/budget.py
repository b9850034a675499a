"""The connection budget: the front door at its largest, during a roll-out, must fit into the database."""

from causeway.settings import Settings

MAX_CONNECTIONS_BY_MAX_ACU = {1: 189, 4: 823, 8: 1669, 16: 3360, 32: 5000}
"""Aurora's default `max_connections` is fixed by the *maximum* capacity, not by the present one (AWS's table)."""

MAX_CONNECTIONS_WHEN_IT_CAN_PAUSE = 2000
"""With a minimum of 0 or 0.5 ACU Aurora PostgreSQL never allows more."""

RESERVED_CONNECTIONS = 10
"""PostgreSQL's own reserve, the Data API at deployment, the rotation function, and a person with psql."""

ROLL_OUT_FACTOR = 2
"""Both front doors start the new instances beside the old ones, each with a pool of its own."""


class ConnectionBudgetExceeded(ValueError):
    """Raised at synthesis: the alternative is "too many connections" in the middle of the busiest roll-out."""


def max_connections(max_acu: float) -> int:
    """What the database allows; between two rows of the table, the lower one."""
    row = max(acu for acu in MAX_CONNECTIONS_BY_MAX_ACU if acu <= max_acu)
    return min(MAX_CONNECTIONS_BY_MAX_ACU[row], MAX_CONNECTIONS_WHEN_IT_CAN_PAUSE)


def connections_needed(settings: Settings) -> int:
    """What the front doors can open at most, and what others need."""
    instances = settings.front_door_max_instances * len(settings.front_doors) * ROLL_OUT_FACTOR
    return instances * settings.database_pool_size + RESERVED_CONNECTIONS


def check_connection_budget(settings: Settings) -> None:
    """Fails with the sum written out, and with what to change."""
    needed, allowed = connections_needed(settings), max_connections(settings.database_max_acu)
    if needed > allowed:
        raise ConnectionBudgetExceeded(
            f"{len(settings.front_doors)} front door(s) x {settings.front_door_max_instances} instances"
            f" x {settings.database_pool_size} connections x {ROLL_OUT_FACTOR} during a roll-out"
            f" + {RESERVED_CONNECTIONS} reserved = {needed} connections, but {settings.database_max_acu:g} ACU allow"
            f" {allowed}. Lower front_door_max_instances or database_pool_size, or raise database_max_acu."
        )
