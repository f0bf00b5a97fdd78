from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from anomalymatch_ui.config import Config
from anomalymatch_ui.session import Session
from anomalymatch_ui.session.work.ranking import Ranking

SCRIPT = """
import sys
from anomalymatch_ui import Session
session = Session.open(sys.argv[1])
session.label([session.pool.ids[5]], "nominal")
session._rankings.settle(60)
if sys.argv[2] == "fails":
    raise SystemExit("it failed")
"""


@pytest.mark.parametrize("how", ["ends", "fails"])
def test_the_order_of_a_script_that_closes_nothing_is_kept(
    pool_folder: Path, tmp_path: Path, swift: Config, how: str
) -> None:
    path = tmp_path / "session"
    with Session.open(path, pool_folder, config=swift) as session:
        session.label(["0000.jpg", "0001.jpg"], "anomaly")
        session.label(["0030.jpg", "0031.jpg"], "nominal")
        session.rank(wait=True)
    script = [sys.executable, "-c", SCRIPT, str(path), how]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ended.returncode == (how == "fails"), ended.stderr
    with Session.open(path) as session:
        kept = Ranking.load(session._context.folder.ranking, session.pool.digest, len(session.pool))
        assert kept is not None
        assert kept.last_seq == session._context.journal.last_seq


TWO = """
from anomalymatch_ui.session.core.leaving import close_at_exit
class Open:
    def __init__(self, name):
        self.name = name
    def close(self):
        print(self.name)
        raise RuntimeError("no thread begins any more")
ada, bob = Open("ada"), Open("bob")
close_at_exit(ada)
close_at_exit(bob)
"""


def test_a_session_that_fails_to_close_keeps_no_other_open() -> None:
    ended = subprocess.run([sys.executable, "-c", TWO], capture_output=True, text=True, check=False)
    assert sorted(ended.stdout.split()) == ["ada", "bob"]
    assert "no thread begins any more" in ended.stderr
