"""What all parts of a snapshot are: dataclasses of their annotations."""

from dataclasses import dataclass, field
from typing import dataclass_transform


@dataclass_transform(field_specifiers=(field,))
class Seen:
    """Something that was read from AWS, or concluded from it."""

    def __init_subclass__(cls) -> None:
        dataclass(cls)


class InVpc(Seen):
    """A resource of one VPC."""

    id: str
    vpc: str
