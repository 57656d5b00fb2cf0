"""The language of templates: parsing, evaluation, refusals."""

import uuid
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vmops.local.arm.deployments.evaluation import Scope, evaluate
from vmops.local.arm.deployments.expression import Call, Literal, Node, Part, TemplateError, parse, written
from vmops.local.arm.deployments.functions import FUNCTIONS
from vmops.local.arm.deployments.hashing import guid, template_hash, unique_string
from vmops.local.arm.deployments.places import Place
from vmops.local.arm.state.resource_id import ResourceId

SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
HOME = ResourceId(SUBSCRIPTION, "rg")
GROUP = {"id": str(HOME), "name": "rg", "location": "westus2", "tags": {"team": "a"}}
PARAMETERS = {"name": "vm1", "Sizes": ["a", "b"], "tags": {"Team": {"lead": "x"}}, "count": 3, "none": None}

WORDS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,6}", fullmatch=True)
LITERALS = (st.text(max_size=8) | st.integers(-(10**17), 10**17)).map(Literal)


def _larger(inner: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    calls = st.builds(Call, WORDS, st.lists(inner, max_size=3).map(tuple))
    return calls | st.builds(Part, calls, inner) | st.builds(Part, calls, WORDS.map(Literal))


NODES: st.SearchStrategy[Node] = st.recursive(LITERALS, _larger, max_leaves=12)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def come_to(text: str, **changes: Any) -> Any:
    """Evaluate a text in a scope with a few parameters."""
    return evaluate(text, Scope(Place(HOME, GROUP, "d"), PARAMETERS, **changes))


@given(NODES)
def test_a_printed_expression_parses_back(node: Node) -> None:
    """Reading an expression loses nothing of it."""
    assert parse(written(node)) == node


@given(st.text(alphabet="ab01'()[].,- \n\t\u00e9", max_size=20) | st.text(max_size=20))
def test_any_text_is_an_expression_or_is_refused(text: str) -> None:
    """There is no third way, whatever stands in brackets."""
    with suppress(TemplateError):
        parse(text)
    with suppress(TemplateError):
        come_to(f"[{text}]")


@given(st.sampled_from(sorted(FUNCTIONS)), st.lists(VALUES, max_size=4))
def test_any_function_call_evaluates_or_is_refused(name: str, given_values: list[Any]) -> None:
    """What a function cannot be applied to is a fault of the template, and none of ours."""
    values = {f"p{number}": value for number, value in enumerate(given_values)}
    arguments = ", ".join(f"parameters('{key}')" for key in values)
    scope = Scope(Place(HOME, GROUP, "d"), values)
    with suppress(TemplateError):
        evaluate(f"[{name}({arguments})]", scope)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain", "plain"),
        ("[[not('one')]", "[not('one')]"),
        ("[open", "[open"),
        ("[parameters('NAME')]", "vm1"),
        ("[ parameters('sizes')[1] ]", "b"),
        ("[parameters('tags').team['LEAD']]", "x"),
        ("[concat('it''s ', parameters('count'), '-', true())]", "it's 3-True"),
        ("[concat(parameters('sizes'), createArray('c'))]", ["a", "b", "c"]),
        ("[format('{0}-{1} {{x}} {2:D3}', parameters('name'), 2, 7)]", "vm1-2 {x} 007"),
        ("[toLower('AbC')]", "abc"),
        ("[toUpper('AbC')]", "ABC"),
        ("[base64('one, two, three')]", "b25lLCB0d28sIHRocmVl"),
        ("[json('{\"a\": [1, null]}').a]", [1, None]),
        ("[string(createObject('a', 1))]", '{"a":1}'),
        ("[string(12)]", "12"),
        ("[replace('123-123-1234', '-', '')]", "1231231234"),
        ("[split('one;two,three', createArray(',', ';'))]", ["one", "two", "three"]),
        ("[substring('one two three', 4, 3)]", "two"),
        ("[trim('  a ')]", "a"),
        ("[length(parameters('sizes'))]", 2),
        ("[length('abc')]", 3),
        ("[length(parameters('tags'))]", 1),
        ("[empty('')]", True),
        ("[contains('OneTwo', 'Two')]", True),
        ("[contains(parameters('sizes'), 'c')]", False),
        ("[contains(parameters('tags'), 'team')]", True),
        ("[first('abc')]", "a"),
        ("[last(parameters('sizes'))]", "b"),
        ("[range(5, 3)]", [5, 6, 7]),
        ("[union(createArray('a', 'b'), createArray('b', 'c'))]", ["a", "b", "c"]),
        ("[union(createObject('a', 1), createObject('a', 2))]", {"a": 2}),
        ("[mod(7, 3)]", 1),
        ("[mod(-7, 3)]", -1),
        ("[div(-7, 2)]", -3),
        ("[add(1, sub(5, mul(2, 2)))]", 2),
        ("[max(1, 3, 2)]", 3),
        ("[min(createArray(1, 3))]", 1),
        ("[int('4')]", 4),
        ("[bool('true')]", True),
        ("[equals('a', 'A')]", False),
        ("[equals(1, true())]", False),
        ("[equals(createArray(1), createArray(1))]", True),
        ("[greater('b', 'a')]", True),
        ("[greaterOrEquals(2, 2)]", True),
        ("[less(2, 2)]", False),
        ("[lessOrEquals(2, 2)]", True),
        ("[not(false())]", True),
        ("[and(true(), false())]", False),
        ("[or(true(), false())]", True),
        ("[coalesce(null(), 'a')]", "a"),
        ("[null()]", None),
        ("[if(equals(parameters('name'), 'vm1'), 'yes', parameters('missing'))]", "yes"),
        ("[resourceGroup().location]", "westus2"),
        ("[resourceGroup().tags.team]", "a"),
        ("[subscription().subscriptionId]", SUBSCRIPTION),
        ("[deployment().name]", "d"),
        ("[resourceId('A.B/c', 'x')]", f"{HOME}/providers/A.B/c/x"),
        ("[resourceId('A.B/c/d', 'x', 'y')]", f"{HOME}/providers/A.B/c/x/d/y"),
        (
            "[resourceId('other', 'A.B/c', 'x')]",
            f"/subscriptions/{SUBSCRIPTION}/resourceGroups/other/providers/A.B/c/x",
        ),
        ("[resourceId('s', 'g', 'A.B/c', 'x')]", "/subscriptions/s/resourceGroups/g/providers/A.B/c/x"),
        ("[resourceId('Microsoft.Resources/resourceGroups', 'g')]", f"/subscriptions/{SUBSCRIPTION}/resourceGroups/g"),
        ("[subscriptionResourceId('A.B/c', 'x')]", f"/subscriptions/{SUBSCRIPTION}/providers/A.B/c/x"),
        ("[subscriptionResourceId('s', 'A.B/c', 'x')]", "/subscriptions/s/providers/A.B/c/x"),
    ],
)
def test_functions_evaluate_as_documented_by_microsoft(text: str, expected: Any) -> None:
    """Examples of each function that clients use, and of what surrounds them."""
    assert come_to(text) == expected


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[environment().name]", "The template function 'environment' is not valid."),
        ("[]", "expected token 'Identifier' and actual 'EndOfData'"),
        ("[concat('a']", "expected token 'RightParenthesis' and actual 'EndOfData'"),
        ("[concat('a' 'b')]", "expected token 'RightParenthesis' and actual 'StringLiteral'"),
        ("[concat('a',)]", "expected token 'Identifier' and actual 'RightParenthesis'"),
        ("[a.b()]", "expected token 'LeftParenthesis' and actual 'Dot'"),
        ("['a' 'b']", "expected token 'EndOfData' and actual 'StringLiteral'"),
        ("[concat('a)]", "unexpected character"),
        ("[toLower()]", "'toLower' expects '1' parameters, and '0' were provided"),
        ("[toLower('a', 'b')]", "'toLower' expects '1' parameters"),
        ("[toLower(1)]", "'toLower' cannot be applied to what it is given: 'Integer'"),
        ("[div(1, 0)]", "'div' cannot be applied"),
        ("[format('{0.__class__}', 'a')]", "'format' cannot be applied"),
        ("[format('{1}', 'a')]", "'format' cannot be applied"),
        ("[range(0, 100000000)]", "'range' cannot be applied"),
        ("[parameters('missing')]", "The template parameter 'missing' is not found."),
        ("[variables('any')]", "The template function 'variables' is not expected at this location."),
        ("[reference('any')]", "The template function 'reference' is not expected at this location."),
        ("[copyIndex()]", "The template function 'copyIndex' is not expected at this location."),
        ("[parameters('tags').none]", "property 'none' doesn't exist, available properties are 'Team'."),
        ("[parameters('sizes')[2]]", "array index '2' is out of bounds."),
        ("[parameters('name').length]", "The language expression property 'length' can't be evaluated."),
        ("[if('yes', 1, 2)]", "a 'Boolean' is expected"),
        ("[resourceId('A.B/c/d', 'x')]", "the type 'A.B/c/d' requires '2' resource name argument(s)"),
        ("[resourceId('c', 'x')]", "the type of resource is missing"),
        ("[add(9999999999999999999, 1)]", "is too great"),
        ("[mul(999999999999999999, 999999999999999999)]", "'mul' cannot be applied"),
        ("[union(createObject(), createArray())]", "'union' cannot be applied"),
        (f"[{'not(' * 200}true(){')' * 200}]", "nested deeper than"),
        (f"[concat('{'a' * 30_000}')]", "longer than the limit"),
    ],
)
def test_an_invalid_expression_is_explained(text: str, sentence: str) -> None:
    """The message names the function, property or token."""
    with pytest.raises(TemplateError) as wrong:
        come_to(text)
    assert sentence in str(wrong.value)


def test_copy_index_is_found_by_name_or_innermost() -> None:
    """An offset may come beside the name."""
    loops = {"outer": 1, "": 4}
    assert come_to("[copyIndex()]", loops=loops) == 4
    assert come_to("[copyIndex(2)]", loops=loops) == 6
    assert come_to("[copyIndex('Outer')]", loops=loops) == 1
    assert come_to("[copyIndex('outer', 10)]", loops=loops) == 11


def test_a_copy_of_a_property_is_a_list() -> None:
    """Its input is gone through as often as its count says."""
    each = {"name": "disks", "count": "[parameters('count')]", "input": {"lun": "[copyIndex('disks', 1)]"}}
    found = evaluate({"copy": [each], "other": 1}, Scope(Place(HOME, GROUP, "d"), PARAMETERS))
    assert found == {"disks": [{"lun": 1}, {"lun": 2}, {"lun": 3}], "other": 1}


@pytest.mark.parametrize("count", [-1, 801, "a", True, None])
def test_the_count_of_a_copy_is_limited(count: Any) -> None:
    """So that no template can ask for what cannot be made."""
    with pytest.raises(TemplateError, match="an integer from '0' to '800'"):
        evaluate({"copy": [{"name": "a", "count": count, "input": 1}]}, Scope(Place(HOME, GROUP, "d")))


@pytest.mark.parametrize(
    ("texts", "expected"),
    [(("hello", "world"), "a7wkljktk6wne"), (("tyeth",), "zcztcwvu6iyg6"), (("test",), "rbgf3xv4ufgzg")],
)
def test_unique_string_equals_azures(texts: tuple[str, ...], expected: str) -> None:
    """Source: JasonWhall/go-azure-uniquestring and such."""
    assert unique_string(*texts) == expected


def test_guid_equals_azures() -> None:
    """Source: Microsoft's page on the string functions of Bicep."""
    assert guid("a", "b") == str(uuid.uuid5(uuid.UUID("11fb06fb-712d-4ddd-98c7-e71bbd588830"), "a-b"))


def test_the_hash_of_a_template_ignores_case() -> None:
    """It is taken over capitals."""
    assert template_hash({"resources": []}) == template_hash({"Resources": []}) != template_hash({})
