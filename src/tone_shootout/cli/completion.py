"""`shootout completion`: scripts that let a shell complete commands, options and files."""

import click


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Write the script that completes `shootout` in SHELL.

    \b
    bash: add to ~/.bashrc:  source <(shootout completion bash)
    zsh:  add to ~/.zshrc, after compinit:  source <(shootout completion zsh)
    fish: run once:  shootout completion fish > ~/.config/fish/completions/shootout.fish
    """  # noqa: D301 - click reads the character \b as: keep these lines
    from click.shell_completion import get_completion_class

    from tone_shootout.cli import main

    kind = get_completion_class(shell)
    if kind is None:
        raise click.ClickException(f"there is no completion for {shell}")
    click.echo(kind(main, {}, "shootout", "_SHOOTOUT_COMPLETE").source())
