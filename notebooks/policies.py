# %% [markdown]
# # Give up early or try longer?
#
# A bad ConfigMap took three services down, and while the remediation restores it, nodes evict pods now and then.
# Is it better to roll back after the second failure, or to try longer? Both policies are played on the same luck:
# run 17 of one meets the very storms that run 17 of the other meets. This is the comparison of `make demo`.

# %%
import os
from pathlib import Path

import pandas as pd

from sim.report_study import verdicts
from sim.report_study_svg import draw_study
from sim.study import conduct, load_study

here = Path(os.environ.get("WFEXEC_ROOT", Path.cwd()))
root = next(folder for folder in (here, *here.parents) if (folder / "examples" / "studies").exists())
runs = int(os.environ.get("WFEXEC_NOTEBOOK_RUNS", "120"))
study = load_study(root / "examples" / "studies" / "rollback-policies.yaml", runs=runs)
study.title, study.runs, [arm.name for arm in study.arms]

# %% [markdown]
# ## Play
#
# Each run is the real controller in a simulated cluster, in virtual time. A few of them are played again with every
# request as JSON over simulated HTTP, and must leave the same digest; `conduct` raises if they do not.

# %%
samples = conduct(study, None, 1, lambda count: None)
frame = pd.DataFrame(
    [
        {"run": number, "policy": arm.name, "recovered": sample.recovered, "minutes": sample.took / 60_000}
        | {"undone": sample.undone, "damage": sample.damage}
        for number, run in enumerate(samples)
        for arm, sample in zip(study.arms, run, strict=True)
    ]
)
frame.groupby("policy")[["recovered", "minutes", "undone", "damage"]].mean()

# %% [markdown]
# ## Same luck, different ends
#
# Runs that ended differently are the ones a policy decides. With unrelated luck they would drown in noise.

# %%
ends = frame.pivot(index="run", columns="policy", values="recovered")
pd.crosstab(ends[study.arms[0].name], ends[study.arms[1].name])

# %% [markdown]
# ## Figures with intervals
#
# Shares have Wilson's interval, all else the bootstrap's. The difference is paired by run.

# %%
found = verdicts(study, samples)
pd.DataFrame(
    [
        {
            "policy": verdict.policy,
            "figure": figure.title,
            "value": figure.value.value,
            "low": figure.value.low,
            "high": figure.value.high,
            "difference": figure.difference.value if figure.difference else None,
        }
        for verdict in found
        for figure in verdict.figures
    ]
).set_index(["figure", "policy"]).sort_index()

# %% [markdown]
# ## The picture
#
# Where a line ends is the chance of recovery; how early it rises is the time it takes.

# %%
out = Path(os.environ.get("WFEXEC_NOTEBOOK_OUT", root / "build" / "notebooks"))
draw_study(study, found, samples, out / "policies.svg")
try:
    from IPython.display import SVG, display
except ImportError:
    print(out / "policies.svg")
else:
    display(SVG(filename=out / "policies.svg"))
