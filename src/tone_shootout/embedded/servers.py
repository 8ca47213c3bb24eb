"""PostgreSQL and Valkey without the service, for the test suite and for commands that need only the database."""

from collections.abc import Sequence

from tone_shootout.embedded.errors import EmbeddedError
from tone_shootout.embedded.instance import Instance
from tone_shootout.embedded.supervisor import Program


class Servers(Instance):
    """PostgreSQL and Valkey on a data folder."""

    @property
    def database_url(self) -> str:
        """URL of the database, `postgresql://…`."""
        return self._postgres.url()

    @property
    def redis_url(self) -> str:
        """URL of Valkey, `unix://…`."""
        return self._valkey.url

    def create_database(self, name: str, *, template: str = "template1") -> str:
        """Create the database `name` as a copy of `template` and return its URL.

        Raises:
            EmbeddedError: the database can't be created.
        """
        import psycopg  # takes a third of a second to import, which the service does not need
        from psycopg import sql

        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        try:
            with psycopg.connect(self._postgres.url("postgres"), autocommit=True) as connection:
                connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
        except psycopg.Error as error:
            raise EmbeddedError(f"can't create the database {name}: {error}") from error
        return self._postgres.url(name)

    def attach(self) -> None:
        """Use the URLs of the instance that already runs on this folder, instead of starting one."""
        self._folder.attach()

    def _programs(self) -> Sequence[Program]:
        return [self._postgres.program(), self._valkey.program()]
