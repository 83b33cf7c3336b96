"""Judges that others published: what each needs, what it is given, and which of its words mean that a study is good."""

from dataclasses import dataclass

#: The one place of versions; what they need themselves is as new as their own metadata allow.
VERSIONS = {"tokio-ai": "0.7.0", "overfitguard": "0.3.2", "monte-neo": "0.54.0", "backtest-auditor": "0.7.0"}


@dataclass(frozen=True, kw_only=True)
class Judge:
    """One row of the table, and the function that asks the judge in an environment of its own."""

    package: str
    function: str  # "module:function" of the folder `scripts`
    given: str  # beside the number of tries, which every judge is told
    good: tuple[str, ...]  # its words for a good study, the highest first: one or two
    variant: str = ""  # what tells rows of one package apart
    python: tuple[tuple[int, int], tuple[int, int]] = ((3, 10), (3, 15))  # the first that it runs on, the first not

    @property
    def requirement(self) -> str:
        """The package as pip is asked for it."""
        return f"{self.package}=={VERSIONS[self.package]}"

    @property
    def name(self) -> str:
        """The row's name, with the version: answers of another one are not the same judge's."""
        return f"{self.package} {VERSIONS[self.package]}" + (f", {self.variant}" if self.variant else "")


JUDGES = (
    Judge(
        package="overfitguard",
        function="ask_overfitguard:verdict",
        given="the winner's returns, our holdout, the market as its benchmark",
        good=("LIKELY_REAL", "SURVIVES_DEFLATION_BUT_DECAYS_OOS"),
    ),
    Judge(
        package="tokio-ai",
        function="ask_tokio_ai:alpha_is_significant",
        variant="less the market",
        given="the returns of every set that was tried, each less its beta times the market's",
        good=("significant",),
    ),
    Judge(
        package="tokio-ai",
        function="ask_tokio_ai:is_significant",
        given="the returns of every set that was tried",
        good=("significant",),
    ),
    Judge(
        package="monte-neo",
        function="ask_monte_neo:verdict",
        given="the bars, the winner's positions, our costs and holdout",
        good=("PASS", "PASS_WITH_WARNINGS"),
        python=((3, 11), (3, 15)),
    ),
    Judge(
        package="backtest-auditor",
        function="ask_backtest_auditor:verdict",
        given="the winner's returns with their dates, its turnover, the market as its benchmark",
        good=("No red flags found", "Some red flags"),
        python=((3, 12), (3, 13)),
    ),
)
