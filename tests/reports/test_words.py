"""Each language has the same words in the same files, without a branch; a new language is one folder."""

import ast
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jinja2 import Environment, nodes

import bot
import optimizer
import reports
from bot.grammar.options import FLAGS, OPTIONS
from bot.grammar.verbs import VERBS
from optimizer.domain.metrics import GOALS
from optimizer.errors import Phrase, ProviderDown, UserError, error_of
from optimizer.market.formats.file_family import Adjustment
from optimizer.market.formats.registry import FAMILIES
from optimizer.market.formats.understood import ZoneFrom
from optimizer.market.quality.data_findings import DataNote
from optimizer.strategies.registry import OVERLAYS, STRATEGIES
from reports.languages import LANGUAGES, TEMPLATES, Language, languages_of
from reports.render import Renderer, renderer_of
from tests.bot.answers import KINDS
from tests.golden.refusals import own_kinds
from tests.golden.sheets import FOLDER, sheets_of
from tests.words import facts_of, macros_of

FILES = sorted(path.stem for path in (TEMPLATES / "en").glob("*.jinja"))
OTHERS = [language for language in LANGUAGES if language != "en"]
#: Phrases whose key is put together from a fact: a kind of data finding, a column of prices.
COMPOSED = {f"bars_{kind}" for kind in KINDS} | {"bars_left_out", "open", "high", "low", "close", "adjusted", "volume"}
#: What the record of a file is worded of: its family, its unit of volume, its zone, its adjustment.
COMPOSED |= {f"family_{family.name}" for family in FAMILIES} | {f"unit_{family.unit}" for family in FAMILIES}
COMPOSED |= {f"zone_{one}" for one in ZoneFrom} | {f"prices_{one}" for one in Adjustment}


def source(language: str, file: str) -> nodes.Template:
    """The syntax tree of a language's file."""
    return Environment().parse((TEMPLATES / language / f"{file}.jinja").read_text(encoding="utf-8"))


def signatures(language: str, file: str) -> dict[str, list[str]]:
    """The parameters of each macro by its name."""
    return {m.name: [arg.name for arg in m.args] for m in source(language, file).find_all(nodes.Macro)}


def keys(value: object) -> object:
    """The keys of a table, and of the tables inside it; of words only that they are words."""
    return {key: keys(item) for key, item in value.items()} if isinstance(value, Mapping) else type(value)


def tables(language: str, file: str) -> dict[str, object]:
    """The keys of each table of a file by its name."""
    words = vars(renderer_of(language)._environment.get_template(f"{file}.jinja").module)
    names = {node.target.name for node in source(language, file).body if isinstance(node, nodes.Assign)}
    return {name: keys(words[name]) for name in names}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_files_of_every_other_and_no_other_kind(language: Language) -> None:
    assert {path.name for path in (TEMPLATES / language).iterdir()} == {f"{file}.jinja" for file in FILES}


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("file", FILES)
def test_a_file_has_the_same_sentences_in_each_language(language: Language, file: str) -> None:
    assert signatures(language, file) == signatures("en", file)
    assert tables(language, file) == tables("en", file)


@pytest.mark.parametrize("language", OTHERS)
@pytest.mark.parametrize("file", ["errors", "phrases"])
def test_a_sentence_names_the_same_facts_in_each_language(language: Language, file: str) -> None:
    ours, english = macros_of(language, file), macros_of("en", file)

    assert {name: facts_of(body) for name, body in ours.items()} == {n: facts_of(b) for n, b in english.items()}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("file", FILES)
def test_no_branch_is_written_once_per_language(language: Language, file: str) -> None:
    assert list(source(language, file).find_all((nodes.If, nodes.CondExpr, nodes.For))) == []


def test_every_error_has_a_sentence_and_every_sentence_an_error() -> None:
    names, sentences = {kind.__name__ for kind in own_kinds()}, macros_of("en", "errors")
    without = [kind for kind in own_kinds() if not any(parent.__name__ in sentences for parent in kind.__mro__)]

    assert without == []
    assert {name.removesuffix("_near") for name in sentences} <= names


def phrases_of_the_code() -> Iterator[tuple[str, set[str] | None]]:
    """Every key of a phrase in the code with the facts it gets, or None where they are put together."""
    for package in (bot, optimizer, reports):
        for path in sorted(Path(str(package.__file__)).parent.rglob("*.py")):
            yield from _phrases(ast.parse(path.read_text(encoding="utf-8")))


def _phrases(tree: ast.AST) -> Iterator[tuple[str, set[str] | None]]:
    for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if name in ("Phrase", "good", "bad", "doubtful") and call.args:
            named = {keyword.arg for keyword in call.keywords if keyword.arg}
            is_whole = name == "Phrase" and all(keyword.arg for keyword in call.keywords)
            for key in _texts(call.args[0]):
                yield key, named if is_whole else None


def _texts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp():
            yield from (*_texts(value.body), *_texts(value.orelse))


def test_every_phrase_of_the_code_exists_and_gets_the_facts_it_names() -> None:
    known = macros_of("en", "phrases")
    found = list(phrases_of_the_code())

    assert len(found) > 100
    assert {key for key, _ in found} <= set(known)
    assert [key for key, facts in found if facts is not None and facts != facts_of(known[key])] == []


def test_no_phrase_is_left_over() -> None:
    source_text = "".join(
        path.read_text(encoding="utf-8")
        for package in (bot, optimizer, reports)
        for path in Path(str(package.__file__)).parent.rglob("*.py")
    )

    assert [key for key in macros_of("en", "phrases") if f'"{key}"' not in source_text and key not in COMPOSED] == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_everything_that_is_declared_has_words(language: Language) -> None:
    labels = renderer_of(language).labels

    assert list(labels("strategy_words", "titles")) == list(STRATEGIES)
    assert list(labels("strategy_words", "rules")) == list(STRATEGIES)
    assert keys(labels("strategy_words", "parameters")) == {
        key: dict.fromkeys(strategy.parameter_names, str) for key, strategy in STRATEGIES.items()
    }
    assert list(labels("strategy_words", "overlays")) == list(OVERLAYS)
    assert list(labels("grammar", "verbs")) == list(VERBS)
    assert list(labels("grammar", "options")) == list(OPTIONS)
    assert list(labels("grammar", "flags")) == list(FLAGS)
    assert list(labels("grammar", "goals")) == list(labels("words", "goals")) == list(GOALS)


@pytest.fixture(scope="module")
def third(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The templates with a third language, which is English under another name."""
    templates = tmp_path_factory.mktemp("languages") / "templates"
    shutil.copytree(TEMPLATES, templates)
    shutil.copytree(templates / "en", templates / "xx")
    return templates


def test_a_language_is_found_by_its_folder(third: Path) -> None:
    assert languages_of(third) == (*LANGUAGES, "xx")


@pytest.mark.slow
def test_a_third_language_needs_its_folder_and_nothing_else(third: Path) -> None:
    for name, text in sheets_of(Renderer("xx", third)).items():
        assert text == (FOLDER / "en" / f"{name}.txt").read_text(encoding="utf-8")


def documents() -> list[Any]:
    """Errors and phrases, with phrases and numbers among their facts."""
    cause = Phrase("unreachable", cause=Phrase("time_out"))
    down = ProviderDown(provider="yahoo", symbol="AAPL", reason=cause, remedy=Phrase("try_again"))
    return [
        down,
        UserError(reason="so"),
        UserError(reason=Phrase("bars_sparse", share=0.81, when="2020", calendar="X")),
    ]


@pytest.mark.parametrize("error", documents())
@pytest.mark.parametrize("language", LANGUAGES)
def test_an_error_reads_the_same_after_it_was_stored(error: UserError, language: Language) -> None:
    assert renderer_of(language).error(error_of(error.as_document())) == renderer_of(language).error(error)


def test_a_note_of_an_earlier_version_is_shown_as_it_was_written() -> None:
    note = DataNote.model_validate("3 bars from 2008-03-03 have no volume.")

    assert renderer_of("ko").phrase(note.phrase) == "3 bars from 2008-03-03 have no volume."


def test_the_text_of_an_exception_is_its_class_and_facts() -> None:
    assert str(documents()[0]) == (
        "ProviderDown provider=yahoo symbol=AAPL reason=unreachable cause=time_out remedy=try_again"
    )
