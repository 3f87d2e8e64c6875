"""Citations of a run: all keys resolve, everything has a citation, the BibTeX is valid."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from attacks.contract import suites
from attacks.contract.base import registry as attack_registry
from benchmark.core.errors import InputError
from benchmark.inference import published_weights
from benchmark.leaderboard import leaderboard_tables, published_figures
from benchmark.report import bibtex, citations
from benchmark.report.citations import document, of_run, resolve
from detectors.contract.base import registry as detector_registry
from tests.support import synthetic_run
from tests.support.places import ROOT

REQUIRED = {
    "article": {"author", "title", "journal", "year"},
    "inproceedings": {"author", "title", "booktitle", "year"},
    "techreport": {"author", "title", "institution", "year"},
    "misc": {"author", "title"},
}
DOI = re.compile(r"10\.\d{4,9}/[^\s{}]+")
OWN = "@article{he2016deep, title = {Another work}, author = {Me}, year = 2020}"


def head(*conditions: str, detectors_: dict[str, Any] | None = None, **more: str) -> dict[str, Any]:
    """Return the parts of a run's head that matter for citations."""
    return {
        "suite": "mine",
        "data": "mine",
        "trial_digest": "ab" * 32,
        "conditions": [{"condition": name} for name in ("clean", *conditions)],
        "detectors": {n: {"training": t} for n, t in (detectors_ or {}).items()},
        **more,
    }


def keys(text: str) -> list[str]:
    return [entry.key for entry in bibtex.parse(text, "test")]


def in_the_tree(cls: type) -> bool:
    return cls.__module__.split(".")[0] in ("attacks", "detectors")


@pytest.mark.parametrize("name", attack_registry.names())
def test_every_attack_has_a_citation(name: str) -> None:
    cls = attack_registry.get(name)
    if in_the_tree(cls):
        assert cls.citation is not None
        assert [entry.key for entry in resolve(cls.citation, name)] == cls.citation.split()


@pytest.mark.parametrize(
    "name",
    [*detector_registry.names(), *detector_registry.parametrised()],
)
def test_every_detector_has_a_citation(name: str) -> None:
    known = detector_registry
    cls = known.parametrised().get(name) or known.get(name)
    if in_the_tree(cls):
        assert cls.citation is not None
        assert [entry.key for entry in resolve(cls.citation, name)] == cls.citation.split()


def test_suites_and_data_sets_resolve() -> None:
    assert set(citations.SUITES) <= set(suites.names())
    for name, citation in {**citations.SUITES, **citations.DATA}.items():
        assert resolve(citation, name)


def test_every_entry_is_used_and_has_the_fields_that_bibtex_requires() -> None:
    known = detector_registry
    texts = [attack_registry.get(name).citation for name in attack_registry.names()]
    texts += [known.get(name).citation for name in known.names()]
    texts += [cls.citation for cls in known.parametrised().values()]
    texts += [*citations.SUITES.values(), *citations.DATA.values()]
    figures = Path(published_figures.__file__).parent / "published"
    texts += [tomllib.loads(path.read_text())["citation"] for path in figures.glob("*.toml")]
    used = {key for text in texts if text and "@" not in text for key in text.split()}
    for key, entry in citations.library().items():
        assert key in used, key
        fields = dict(entry.fields)
        assert REQUIRED[entry.kind] <= set(fields), key
        assert all(value for value in fields.values())
        assert not re.search(r"(?<!\\)[&%#]", "".join(fields.values())), key
        assert entry.key == key and str(entry).isascii()
        if "year" in fields:
            assert 1960 <= int(fields["year"]) <= 2026
        if "doi" in fields:
            assert DOI.fullmatch(fields["doi"]), key
        if "eprint" in fields:
            assert re.fullmatch(r"\d{4}\.\d{4,5}", fields["eprint"]), key
    dois = [e.get("doi") for e in citations.library().values() if e.get("doi")]
    assert len(dois) == len(set(dois))


def test_published_weights_cite_what_their_detectors_do() -> None:
    for name, item in published_weights.index().items():
        (entry,) = bibtex.parse(item.citation, name)
        assert entry.key in (detector_registry.get(name).citation or "").split()


def test_a_run_cites_harness_suite_data_attacks_and_detectors() -> None:
    run = head(
        "noise(kind=white, snr=10) | mp3(kbps=16)",
        "mp3(kbps=64)",
        detectors_={
            "aasist-2019la": {},
            "my-resnet": {"detector": "resnet18", "data": "embedded"},
            "resnet18": {"detector": "resnet18", "data": "embedded"},
            "theirs": {"imported": "scores.txt"},
        },
        suite="laundering",
        data="in-the-wild",
    )
    text = document(of_run(run, "1.2.3"))
    found = keys(text)
    assert found[:3] == ["launderbench", "ali2024laundering", "muller2022generalize"]
    assert len(found) == len(set(found))
    assert {"iso1993mp3", "itu2011p56", "jung2022aasist", "he2016deep", "morise2016world"} <= set(
        found
    )
    assert "allen1979image" not in found
    assert "% for detector my-resnet, detector resnet18\n@inproceedings{he2016deep," in text
    assert "% detector theirs: its scores were imported" in text
    assert f"Version 1.2.3; suite laundering; the run's trial digest {'ab' * 6}}}" in text
    assert document(of_run(run, "1.2.3")) == text


def test_steps_inside_composite_attacks_are_cited() -> None:
    pipeline = keys(document(of_run(head("media(depth=3, strength=3)"), "1")))
    assert {"iso1993mp3", "iso2019aac", "valin2012opus", "balla_laundering"} <= set(pipeline)
    drawn = keys(document(of_run(head("stochastic(pool=media)"), "1")))
    assert {"iso1993mp3", "valin2012opus"} <= set(drawn)


def test_parts_of_the_harness_are_marked_as_such() -> None:
    """Everything that a run uses has a source or the reason why there is none."""
    used = {"mel-cnn": {}, "raw-cnn": {}, "shortcut": {}, "random": {}, "resnet18": {}}
    attacks_ = ("lowpass(cutoff=4000)", "resample(rate=8000)", "voice_note()", "stochastic()")
    text = document(of_run(head(*attacks_, detectors_=used), "1"))
    own = set(re.findall(r"^% (.*): LaunderBench's own: cite the harness$", text, re.MULTILINE))
    assert {f"attack {name.partition('(')[0]}" for name in attacks_} <= own
    assert {f"detector {name}" for name in used} - own == {"detector resnet18"}
    reasons = set(re.findall(r"(?:attack|detector) [\w-]+", " ".join(
        line for line in text.splitlines() if line.startswith("% ")
    )))  # fmt: skip
    for use in of_run(head(*attacks_, detectors_=used), "1"):
        if use.whose.startswith(("attack ", "detector ")):
            assert use.whose in reasons


def test_a_plugin_without_source_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = attack_registry.get("lowpass")
    monkeypatch.setattr(cls, "__module__", "crush")
    text = document(of_run(head("lowpass(cutoff=4000)"), "1"))
    assert "% attack lowpass: has no source to cite" in text


def test_the_harness_names_commit_and_digests() -> None:
    results = synthetic_run.run(2)
    commits = ["1" * 40, "2" * 40, None]
    origins = [
        {"launderbench": "1", "commit": commit, "dirty": commit == commits[1], "machine": machine}
        for commit in commits
        for machine in ("one", "two")
    ]
    identity = citations.made(replace(results, provenance={"computed": origins}))
    (entry,) = citations.of_run(head(), "1.2.3", identity)[0].entries
    digest = results.protocol.digest()
    assert entry.get("note") == (
        f"Version 1.2.3, commit {'1' * 12}, commit {'2' * 12} (modified tree), commit unknown;"
        f" suite mine; the run's trial digest {digest[:12]}"
    )
    text = document(citations.of_run(head(), "1.2.3", identity))
    assert text.count(f"% computed by commit: {'1' * 40}\n") == 1
    assert f"% the run's trial digest: {digest}\n" in text
    board = leaderboard_tables.tables(results, 0)
    for track, own in zip(
        [*board.leaderboard["track"], *board.tracks["track"]],
        [*board.leaderboard["trial_digest"], *board.tracks["trial_digest"]],
        strict=True,
    ):
        assert f"% the trial digest of track {track}: {own}\n" in text


AWKWARD = (
    'noise(kind=babble, snr=5) | ready(audio="a_b&c"); lowpass(cutoff=4000)',
    '100% {of} #1 $x^2$ ~\\cmd "quoted" @misc{x, } 声 é',
    "mine} @misc{x, title={y}}\n%",
    "}}}{{",
)


@pytest.mark.parametrize("name", AWKWARD)
def test_awkward_names_give_valid_bibtex_and_latex(name: str, tmp_path: Path) -> None:
    run = head(suite=name, data=name, detectors_={name: {"imported": "x"}})
    text = document(of_run(run, "1_0&"))
    (entry,) = bibtex.parse(text, "test")
    note = entry.get("note")
    assert note.isascii()
    bare = re.sub(r"\\[&%$#_]|\\text\w+\{\}|\\'\{e\}|\{[\[\]*-]?\}", "", note)
    assert not re.search(r"[&%$#_^~\\{}]", bare), bare
    assert "noise(kind=babble, snr=5) \\textbar{} ready(audio" in note or name != AWKWARD[0]
    if not (shutil.which("pdflatex") and shutil.which("bibtex")):
        pytest.skip("no pdflatex and bibtex here")
    (tmp_path / "refs.bib").write_text(text)
    (tmp_path / "main.tex").write_text(
        "\\documentclass{article}\\begin{document}\\nocite{*}"
        "\\bibliographystyle{plain}\\bibliography{refs}\\end{document}\n"
    )
    latex = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main"]
    for command in (latex, ["bibtex", "main"], latex):
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stdout[-2000:]
        assert command == latex or b"arning" not in done.stdout, done.stdout
    assert (tmp_path / "main.bbl").read_text().count("\\bibitem") == 1


def test_own_data_and_configured_detectors_are_noted() -> None:
    run = head(detectors_={'hub(model="owner/name")': {"detector": 'hub(model="owner/name")'}})
    text = document(of_run(run, "1"))
    assert keys(text) == ["launderbench"]
    assert "% data set mine: is your own" in text
    assert "cite the model or the program" in text


def test_a_plugin_brings_its_own_bibtex(monkeypatch: pytest.MonkeyPatch) -> None:
    cls = attack_registry.get("lowpass")
    monkeypatch.setattr(cls, "citation", OWN)
    run = head("lowpass(cutoff=4000)", detectors_={"resnet18": {}})
    text = document(of_run(run, "1"))
    assert keys(text) == ["launderbench", "he2016deep", "he2016deep-detector-resnet18"]
    assert "title  = {Another work}" in text
    monkeypatch.setattr(cls, "citation", "nobody2020")
    with pytest.raises(InputError, match="unknown citation key of attack lowpass 'nobody2020'"):
        of_run(run, "1")
    monkeypatch.setattr(cls, "citation", None)
    assert "% attack lowpass: says nothing" in document(of_run(run, "1"))


def test_names_cannot_break_the_bibtex() -> None:
    run = head(
        suite="mine} @misc{x, title={y}}\n%", data="a@b{",
        detectors_={"@evil{d": {"imported": "x"}},
    )  # fmt: skip
    assert keys(document(of_run(run, "1"))) == ["launderbench"]


@pytest.mark.parametrize(
    ("run", "cause"),
    [
        (
            head("niose(snr=3)"),
            "the run's attack 'niose' is not registered here: give its --plugin",
        ),
        (head(detectors_={"x": {}}), "the run's detector 'x' is not registered here"),
    ],
)
def test_unregistered_names_are_reported(run: dict[str, Any], cause: str) -> None:
    with pytest.raises(InputError, match=cause):
        of_run(run, "1")


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("@article{, title={x}}", "cannot read the BibTeX entry"),
        ("@article{a, title={x}", "is not closed"),
        ("@article{a, title={x}}}{ @article{a, title={y}}", "two BibTeX entries have the key 'a'"),
        ("@article{a, title=x}", "neither in braces nor in quotes"),
        ('@article{a, title="{x"}', "unbalanced braces"),
        ("@article{a, title={x}, Title={y}}", "contains the field title twice"),
        ("@string{a = {b}}", "cannot read the BibTeX entry"),
    ],
)
def test_broken_bibtex_is_refused(text: str, cause: str) -> None:
    with pytest.raises(InputError, match=f"plugin: .*{cause}|plugin: {cause}"):
        bibtex.parse(text, "plugin")


@given(
    st.dictionaries(
        st.from_regex(r"[a-z]{1,8}", fullmatch=True),
        st.from_regex(r"[A-Za-z0-9,=@\"' ]{0,20}(\{[A-Za-z@,\"]{0,5}\})?", fullmatch=True),
        min_size=1,
    )
)
def test_written_entries_are_read_back(fields: dict[str, str]) -> None:
    flat = tuple((name, " ".join(value.split())) for name, value in fields.items())
    entry = bibtex.Entry("misc", "key:1", flat)
    assert bibtex.parse(f"note, not an entry\n{entry}\n\n{entry.named('b')}", "test") == [
        entry,
        entry.named("b"),
    ]


def test_no_entry_of_the_library_is_skipped() -> None:
    """A parser that skips unknown text would lose an entry with a typing error."""
    text = citations.FILE.read_text(encoding="utf-8")
    entries = bibtex.parse(text, citations.FILE.name)
    assert len(entries) == len(re.findall(r"^@", text, re.MULTILINE)) > 40
    outside = re.sub(r"^@\w+\{.*?^\}$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert all(line.startswith("% ") for line in outside.splitlines() if line)
    for entry in entries:  # nor is any field
        own = re.search(rf"^@\w+\{{{re.escape(entry.key)},\n(.*?)^\}}$", text, re.M | re.S)
        assert own and len(own[1].splitlines()) == len(entry.fields), entry.key


@pytest.mark.parametrize("key", citations.library())
def test_the_fields_of_an_entry_are_valid_latex(key: str) -> None:
    entry = citations.library()[key]
    for name, value in entry.fields:
        plain = re.sub(r"\\url\{[^{}]*\}", "", value) if name == "howpublished" else value
        plain = re.sub(r"\\[cv]\{\w\}|\\[\"'`^~]\w|\\&", "", plain)  # accents, the ampersand
        assert "\\" not in plain, (name, value)
        if name != "doi":
            assert not re.search(r"[&%#$_^~]", plain), (name, value)
        depth = [plain[:end].count("{") - plain[:end].count("}") for end in range(len(plain) + 1)]
        assert min(depth) == depth[-1] == 0, (name, value)
        assert '"' not in plain
    for author in entry.get("author").split(" and "):
        assert re.fullmatch(r"\{.+\}|[^,]+, [^,]+|others", author), author
    assert re.fullmatch(r"|[0-9]+(--[0-9]+)?", entry.get("pages"))
    first, _, last = entry.get("pages").partition("--")
    assert not last or int(first) < int(last)
    assert ("eprint" in dict(entry.fields)) == (entry.get("archiveprefix") == "arXiv")


@pytest.mark.parametrize("key", [e.key for e in citations.library().values() if e.get("doi")])
def test_a_doi_agrees_with_its_entry(key: str) -> None:
    """A DOI may contain year, volume or number; an article may be online a year early."""
    entry = citations.library()[key]
    doi, year = entry.get("doi"), int(entry.get("year"))
    for found in re.findall(r"(?<=[a-z.])((?:19|20)\d\d)(?=[.-]|EDP)", doi, re.IGNORECASE):
        assert year - 1 <= int(found) <= year, doi
    if doi.startswith("10.21437/"):
        assert doi.partition("/")[2].partition(".")[0].lower() in entry.get("booktitle").lower()
    if "RFC" in doi:
        assert doi.endswith(entry.get("number"))


# Requirements of the schema of the Citation File Format 1.2.0, for keys without subkeys.
CFF_REQUIRED = {"authors", "cff-version", "message", "title"}
CFF_TEXTS = {
    "abstract": r"(?s).+",
    "cff-version": r"1\.2\.0",
    "commit": r".+",
    "doi": r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-.()\[\]\\]+",
    "license": r"[A-Za-z0-9.+-]+",
    "message": r"(?s).+",
    "repository-code": r"(https?|ftp|sftp)://\S+",
    "title": r".+",
    "type": r"dataset|software",
    "url": r"(https?|ftp|sftp)://\S+",
    "version": r".+",
}


def cff_faults(text: str) -> list[str]:
    """Return the faults of a citation file, [] if it is valid; keys with subkeys are faults."""
    found = yaml.safe_load(text)
    if not isinstance(found, dict):
        return ["not a mapping"]
    faults = [f"no {key}" for key in sorted(CFF_REQUIRED - set(found))]
    for key, value in found.items():
        if key == "authors":
            valid = isinstance(value, list) and value and all(map(_cff_author, value))
        elif key == "keywords":
            valid = isinstance(value, list) and value and len(set(map(str, value))) == len(value)
            valid = valid and all(isinstance(word, str) and word for word in value)
        else:
            valid = isinstance(value, str) and re.fullmatch(CFF_TEXTS.get(key, "(?!)"), value)
        if not valid:
            faults.append(str(key))
    return faults


def _cff_author(author: object) -> bool:
    """Check for an entity with a name, or a person with given and family names."""
    person = {"family-names", "given-names", "affiliation", "orcid"}
    return (
        isinstance(author, dict)
        and bool(author)
        and (set(author) == {"name"} or set(author) <= person)
        and all(isinstance(value, str) and value for value in author.values())
    )


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("title:", "tittle:", "no title"),
        ("1.2.0", "1.3.0", "cff-version"),
        ("type: software", "type: program", "type"),
        ("  - name: The", "  - nom: The", "authors"),
        ("  - name: The LaunderBench authors\n", "", "authors"),
        ("  - benchmark\n", "  - robustness\n", "keywords"),
        ("version: 0.1.0\n", "version: 0.1.0\ndoi: https://doi.org/10.1/x\n", "doi"),
        ("version: 0.1.0\n", "version: 0.1.0\nurl: example.org\n", "url"),
        ("message: If", "message: 1\nmassage: If", "message"),
    ],
)
def test_a_fault_in_the_citation_file_is_detected(old: str, new: str, fault: str) -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert text.count(old) == 1
    assert fault in cff_faults(text.replace(old, new))


def test_the_citation_file_is_valid_and_of_this_version() -> None:
    text = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert cff_faults(text) == []
    found = yaml.safe_load(text)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert found["type"] == "software"
    assert found["version"] == project["version"]
    entry = citations.harness(head(), project["version"])
    assert found["title"] == re.sub(r"[{}]", "", entry.get("title"))
    assert found["authors"][0]["name"] == re.sub(r"[{}]", "", entry.get("author"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "the run's trial digest" in entry.get("note")
    for text in (found["message"], readme):
        assert re.search(r"the commit and the run's trial digest, as .launderbench cite RUN", text)
    assert found["authors"][0]["name"] in readme and found["title"].partition(":")[2] in readme
