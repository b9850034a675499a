"""Answers that can be read only by names that AWS's model has: a misspelt field is an error, not a None."""

from typing import Any


class Strict(dict[str, Any]):
    """A structure of an answer."""

    def __init__(self, shape: Any, value: dict[str, Any]) -> None:
        super().__init__(
            {name: wrap(shape.members[name], each) for name, each in value.items() if name in shape.members}
        )
        self._shape = shape

    def _check(self, name: str) -> None:
        assert name in self._shape.members or name in ("ResponseMetadata", "NextToken", "Error"), (
            f"{self._shape.name} has no field {name}"
        )

    def get(self, name: str, default: Any = None) -> Any:
        self._check(name)
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        self._check(name)
        return super().__getitem__(name)


def wrap(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, dict):
        return Strict(shape, value)
    if shape.type_name == "list" and isinstance(value, list):
        return [wrap(shape.member, each) for each in value]
    if shape.type_name == "map" and isinstance(value, dict):
        return {name: wrap(shape.value, each) for name, each in value.items()}
    return value


def after_call(parsed: dict[str, Any], model: Any, http_response: Any, **_: Any) -> None:
    if http_response.status_code < 300 and model.output_shape is not None:
        wrapped = Strict(model.output_shape, parsed)
        for name in list(parsed):
            if name in model.output_shape.members:
                parsed[name] = wrapped[name]
