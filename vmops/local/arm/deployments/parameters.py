"""The parameters of a template: their declarations, their values, and errors in those.

Source: Microsoft's page on the parameters of templates; the error messages are from users' reports.
"""

from collections.abc import Mapping
from typing import Any

from vmops.local.arm.deployments.evaluation import Scope, evaluate
from vmops.local.arm.deployments.expression import TemplateError
from vmops.local.arm.deployments.places import Place
from vmops.local.arm.deployments.values import NONE, found, is_integer, same, text_of, type_of
from vmops.local.arm.state.resource import Json

_TYPES = {
    "string": ("String", str),
    "securestring": ("SecureString", str),
    "int": ("Int", int),
    "bool": ("Bool", bool),
    "object": ("Object", Mapping),
    "secureobject": ("SecureObject", Mapping),
    "array": ("Array", list),
}
"""The types by name in lower case: ARM's spelling, and the type of a value."""
_HELP = "Please see https://aka.ms/arm-create-parameter-file for usage details."


def values_of(declared: Mapping[str, Any], given: Mapping[str, Any], place: Place) -> Json:
    """Return the value of every parameter, in the order of declaration; raises `TemplateError`.

    A default may refer to parameters that are declared before it.
    """
    _require_declared(declared, given)
    values: Json = {}
    for name, words in declared.items():
        if not isinstance(words, Mapping):
            raise TemplateError(f"The template parameter '{name}' is no object.")
        values[name] = _checked(name, words, _value(name, words, found(given, name), Scope(place, values)))
    return values


def shown(declared: Mapping[str, Any], values: Mapping[str, Any]) -> Json:
    """Return the parameters as an answer shows them: secure ones without their values."""
    return {name: typed(found(declared[name], "type"), value) for name, value in values.items()}


def typed(kind: Any, value: Any) -> Json:
    """Return a value with its type, as an answer shows it; a secure one with its type only."""
    name = canonical_type(kind)
    return {"type": name} if name.startswith("Secure") else {"type": name, "value": value}


def canonical_type(kind: Any) -> str:
    """Return a type in ARM's spelling; raises `TemplateError` if it is unknown."""
    known = _TYPES.get(str(kind).lower())
    if known is None:
        raise TemplateError(f"The type '{kind}' is not valid: it is none of '{', '.join(_TYPES)}'.")
    return known[0]


def fits(kind: Any, value: Any) -> bool:
    """Tell whether a value has a type."""
    canonical_type(kind)
    expected = _TYPES[str(kind).lower()][1]
    return is_integer(value) if expected is int else isinstance(value, expected)


def _require_declared(declared: Mapping[str, Any], given: Mapping[str, Any]) -> None:
    known = {name.lower() for name in declared}
    strangers = [name for name in given if name.lower() not in known]
    if strangers:
        raise TemplateError(
            f"The template parameters '{', '.join(strangers)}' in the parameters file are not valid; they are not "
            "present in the original template and can therefore not be provided at deployment time. The only supported "
            f"parameters for this template are '{', '.join(declared)}'. "
            "Please see https://aka.ms/arm-pass-parameter-values for usage details."
        )


def _value(name: str, words: Mapping[str, Any], given: Any, scope: Scope) -> Any:
    """Return the given value unchanged, or the evaluated default."""
    if isinstance(given, Mapping) and "reference" in given:
        raise TemplateError(
            f"The value for the template parameter '{name}' is in a key vault, and the local Azure has none."
        )
    if given is not None and not (isinstance(given, Mapping) and "value" in given):
        raise TemplateError(f"The template parameter '{name}' was given without a 'value'. {_HELP}")
    if given is not None:
        return given["value"]
    default = found(words, "defaultValue", NONE)
    if default is NONE:
        raise TemplateError(f"The value for the template parameter '{name}' is not provided. {_HELP}")
    return evaluate(default, scope)


def _checked(name: str, words: Mapping[str, Any], value: Any) -> Any:
    kind = found(words, "type")
    if not fits(kind, value):
        raise TemplateError(
            f"Template parameter '{name}' was provided an invalid value. Expected a value of type "
            f"'{canonical_type(kind)}', but received a value of type '{type_of(value)}'. {_HELP}"
        )
    allowed = found(words, "allowedValues")
    if isinstance(allowed, list) and not any(same(value, each) for each in allowed):
        raise _unfit(name, words, value, f"is not part of the allowed value(s): '{','.join(map(text_of, allowed))}'")
    _require_size(name, words, value)
    return value


def _require_size(name: str, words: Mapping[str, Any], value: Any) -> None:
    measured = value if is_integer(value) else len(value) if isinstance(value, str | list) else None
    what, unit = ("Value", "") if is_integer(value) else ("Length", " in length")
    least, most = found(words, f"min{what}"), found(words, f"max{what}")
    if measured is None:
        return
    if is_integer(least) and measured < least:
        raise _unfit(name, words, value, f"must be at least '{least}'{unit}")
    if is_integer(most) and measured > most:
        raise _unfit(name, words, value, f"must be at most '{most}'{unit}")


def _unfit(name: str, words: Mapping[str, Any], value: Any, rule: str) -> TemplateError:
    """Say which rule a value breaks; a secret is not repeated."""
    quoted = "" if canonical_type(found(words, "type")).startswith("Secure") else f" '{text_of(value)}'"
    return TemplateError(
        f"The provided value{quoted} for the template parameter '{name}' is not valid. The parameter value {rule}."
    )
