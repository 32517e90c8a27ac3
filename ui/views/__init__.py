"""Pages of the app: a file has a `TITLE`, an `ORDER` in the menu and `page(collection)`."""
