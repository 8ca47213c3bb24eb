"""PostgreSQL and Valkey alone, for the test suite and for commands that only need the database."""

from collections.abc import Sequence

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.instance import Instance
from tone_shootout.embedded.supervisor import Program


class Servers(Instance):
    """PostgreSQL and Valkey on a data folder."""

    @property
    def database_url(self) -> str:
        """`postgresql://…`: the address of the database."""
        return self._postgres.url()

    @property
    def redis_url(self) -> str:
        """`unix://…`: the address of Valkey."""
        return self._valkey.url

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create the database `name` as a copy of `template` and return its address."""
        import psycopg  # a third of a second that the service does not need
        from psycopg import sql

        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        try:
            with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        except psycopg.Error as error:
            raise EmbeddedError(f"can't create the database {name}: {error}") from error
        return self._postgres.url(name)

    def join(self) -> None:
        """Take over the addresses of the instance that runs on this folder already, instead of starting one."""
        self._folder.join()

    def _programs(self) -> Sequence[Program]:
        return [self._postgres.program(), self._valkey.program()]
