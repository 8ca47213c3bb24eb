"""The listening page: `index.html` of a result folder, and the same page on the service.

`page` has its data, `document` its HTML, `sound` its sound files. `static/` has its script and style.
"""
