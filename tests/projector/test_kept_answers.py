"""A kept answer equals a newly computed one, after any change of the views."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eventlog.catalog.day import SETTLED_US
from eventlog.clock import SECOND, now_us
from projector import digests
from projector.kept_answers import ANSWERS, keep, recall, views_state
from tests.extent import few_or_all

NAMES = ("hindlog.duckdb", "hindlog.sql", "current", "parts/a/1", "parts/a/2", "parts-1/b/3")
MOVES = (
    *("write", "write", "remove", "rename", "rename_folder", "code", "moment"),
    *("save", "restore", "restore", "damage", "swap", "remove_answers"),
)


class ChangingViews:
    """The files of views, of which every version has another size, and the code that reads them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.views = root / "views"
        self.version = 0
        self.code = b"0"
        self.is_settled = True
        for name in NAMES:
            self.write(NAMES.index(name))

    def clock(self) -> int:
        return now_us() + 2 * SETTLED_US * self.is_settled

    def compute(self) -> list[str]:
        paths = sorted(path for path in self.views.rglob("*") if path.is_file())
        return [
            self.code.decode(),
            *(
                f"{path.relative_to(self.views)}: {path.stat().st_size}"
                for path in paths
                if ANSWERS not in path.parts
            ),
        ]

    def answer(self, name: str) -> list[str]:
        state = views_state(self.root, self.clock)
        answer = recall(self.root, name, state, list[str])
        if answer is None:
            answer = self.compute()
            keep(self.root, name, state, answer)
        return answer

    def write(self, number: int) -> None:
        self.version += 1
        path = self.views / NAMES[number % len(NAMES)]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * self.version)

    def remove(self, number: int) -> None:
        (self.views / NAMES[number % len(NAMES)]).unlink(missing_ok=True)

    def rename(self, number: int) -> None:
        path = self.views / NAMES[number % len(NAMES)]
        if path.exists() and self.views.joinpath("parts/a").exists():
            path.replace(self.views / NAMES[3 + number // 7 % 2])

    def rename_folder(self, number: int) -> None:
        folders, target = sorted(self.views.glob("parts*")), self.views / "parts-2"
        for folder in folders[number % len(folders) :][:1] if folders else ():
            if folder != target:
                shutil.rmtree(target, ignore_errors=True)
                folder.rename(target)

    def code_changes(self, number: int) -> None:
        self.code = str(number % 3).encode()

    def moment(self, number: int) -> None:
        self.is_settled = number % 3 > 0

    def save(self, _number: int) -> None:
        shutil.rmtree(self.root / "saved", ignore_errors=True)
        if (self.views / ANSWERS).exists():
            shutil.copytree(self.views / ANSWERS, self.root / "saved")

    def restore(self, _number: int) -> None:
        if (self.root / "saved").exists():
            shutil.copytree(self.root / "saved", self.views / ANSWERS, dirs_exist_ok=True)

    def damage(self, number: int) -> None:
        for path in sorted((self.views / ANSWERS).glob("*"))[:1]:
            data = path.read_bytes()
            at = number % len(data)
            cut = data[:at] + bytes([data[at] ^ 1 << number % 8]) + data[at + 1 :]
            path.write_bytes(cut if number % 3 else data[:at])

    def swap(self, number: int) -> None:
        """Puts an answer of another type in the place of one."""
        keep(self.root, "first", views_state(self.root, self.clock), number)

    def remove_answers(self, _number: int) -> None:
        shutil.rmtree(self.views / ANSWERS, ignore_errors=True)


@settings(max_examples=few_or_all(15, 300), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(MOVES), st.integers(0, 10_000)), max_size=15))
def test_an_answer_equals_one_that_is_computed_now(moves: list[tuple[str, int]]) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        views = ChangingViews(Path(folder))
        patch.setattr(digests, "_digest_code", lambda: views.code)
        for name, number in moves:
            getattr(views, "code_changes" if name == "code" else name)(number)

            assert views.answer("first") == views.compute()
            if number % 2:
                assert views.answer("second") == views.compute()


def test_an_answer_of_unchanged_views_is_not_computed_again(tmp_path: Path) -> None:
    views = ChangingViews(tmp_path)
    views.answer("first")
    state = views_state(tmp_path, views.clock)

    assert recall(tmp_path, "first", state, list[str]) == views.compute()
    assert recall(tmp_path, "second", state, list[str]) is None
    assert recall(tmp_path, "first", state, int) is None


def test_nothing_is_kept_of_views_that_changed_recently_or_do_not_exist(tmp_path: Path) -> None:
    assert views_state(tmp_path, lambda: now_us() + 100 * SECOND) is None
    ChangingViews(tmp_path)
    assert views_state(tmp_path) is None
    assert views_state(tmp_path, lambda: now_us() + SETTLED_US + SECOND) is not None
    keep(tmp_path, "first", None, 1)

    assert not (tmp_path / "views" / ANSWERS).exists()
    assert recall(tmp_path, "first", None, int) is None


def test_an_answer_that_cannot_be_kept_is_computed_each_time(tmp_path: Path) -> None:
    views = ChangingViews(tmp_path)
    (tmp_path / "views" / ANSWERS).write_bytes(b"a file in the place of a folder")

    for _ in range(2):
        assert views.answer("first") == views.compute()
