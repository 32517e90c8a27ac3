"""Pages of the app: each file has a `TITLE` and a function `page(collection)`."""
