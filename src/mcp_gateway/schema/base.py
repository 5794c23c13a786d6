"""Metadata with a naming convention, and the columns every table shares."""

from sqlalchemy import BigInteger, Column, DateTime, MetaData, Text, func, text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# Ids sort by their bytes whatever the database's locale, so that an index serves the order of lists.
IdText = Text(collation="C")


def id_column() -> "Column[str]":
    """The primary key: a prefixed, sortable identifier."""
    return Column("id", IdText, primary_key=True)


def row_columns() -> "tuple[Column[int], Column[object], Column[object]]":
    """A version that rises with every change, and two instants in UTC."""
    return (
        Column("version", BigInteger, nullable=False, server_default=text("1")),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
        Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )
