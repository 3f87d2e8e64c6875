"""One visitor: the clip, the job, and its results, kept in memory until the tab is closed."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from attacks.contract.condition import CLEAN, Condition
from benchmark.core.errors import InputError
from benchmark.web.clip import Clip, Heard
from benchmark.web.desk import Desk
from benchmark.web.tasks import Failed, Laundering, Reading


@dataclass
class Visit:
    """What the server keeps of one visitor.

    upload    : id of the upload that was last read; '' for none
    clip      : what was read; None if there is none, and then `refusal` may say why
    heard     : results of the last job so far, which begin with the clean clip
    detectors : those that scored them
    wanted    : number of results that the job was to have
    trouble   : why the job ended before that
    """

    name: str = field(default_factory=lambda: uuid.uuid4().hex)
    upload: str = ""
    clip: Clip | None = None
    refusal: str = ""
    heard: list[Heard] = field(default_factory=list)
    detectors: tuple[str, ...] = ()
    wanted: int = 0
    trouble: str = ""

    def take(self, upload: Any, desk: Desk) -> None:
        """Read a new upload (one of Streamlit's), or forget the clip if there is none any more.

        The name of the upload is never looked at.
        """
        found = "" if upload is None else str(upload.file_id)
        if found == self.upload:
            return
        self.clip, self.refusal, self.heard, self.trouble = None, "", [], ""
        self.upload = ""
        if upload is None:
            return
        with st.spinner("Reading the clip"):
            try:
                with closing(desk.work(self.name, [Reading(upload.getvalue())])) as answers:
                    for answer in answers:
                        if isinstance(answer, Clip):
                            self.clip = answer
                        elif isinstance(answer, Failed):
                            self.refusal = answer.cause
                        else:
                            _look()
            except InputError as error:
                self.refusal = str(error)
        self.upload = found

    def launder(
        self, desk: Desk, conditions: Sequence[Condition], detectors: tuple[str, ...]
    ) -> Generator[str, None, None]:
        """Launder and score the clip; yield what is next, before each result and while waiting.

        Results so far are kept if a visitor stops or leaves.
        """
        if self.clip is None:
            return
        names = [CLEAN, *map(str, conditions)]
        self.heard, self.detectors, self.wanted, self.trouble = [], detectors, len(names), ""
        tasks = [Laundering(self.clip.wave, name, detectors) for name in names]
        yield names[0]
        try:
            with closing(desk.work(self.name, tasks)) as answers:
                for answer in answers:
                    if isinstance(answer, Heard):
                        self.heard.append(answer)
                    elif isinstance(answer, Failed):
                        failed = Heard(names[len(self.heard)], None, (), cause=answer.cause)
                        self.heard.append(failed)
                    yield names[min(len(self.heard), len(names) - 1)]
        except InputError as error:
            self.trouble = str(error)


def current() -> Visit:
    """Return the visitor of this session."""
    found: Visit = st.session_state.setdefault("visit", Visit())
    return found


def _look() -> None:
    """Let Streamlit end this script if the visitor has left or changed something."""
    st.session_state.get("visit")
