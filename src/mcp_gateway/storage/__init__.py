"""The only code that knows SQL or Redis; decides nothing."""
