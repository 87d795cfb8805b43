"""The commands under `wfexec sim`: run, generate, hunt, load, whatif, demo, executor, serve.

Reached through the entry point group `wfexec.commands`, so that the product never imports the simulation. Whatever a
person did wrong ends with a finding and exit code 2, a defect of ours with 1; nobody sees a traceback for bad input.
"""

import typer

from sim.cli import demo, executor, generate, hunt, load, run, serve, whatif

app = typer.Typer(
    name="sim",
    help="The same controller in a simulated cluster, in virtual time.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.command("run", epilog=run.EXAMPLE)(run.run)
app.command("generate", epilog=generate.EXAMPLE)(generate.generate_)
app.command("hunt", epilog=hunt.EXAMPLE)(hunt.hunt_)
app.command("load", epilog=load.EXAMPLE)(load.load)
app.command("whatif", epilog=whatif.EXAMPLE)(whatif.whatif)
app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
app.command("executor", epilog=executor.EXAMPLE)(executor.executor)
app.command("serve", epilog=serve.EXAMPLE)(serve.serve)
