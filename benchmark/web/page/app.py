"""The script that Streamlit runs for every visitor and every change.

Worker processes import the main module of their parent, which is this one: the guard keeps the
pages, and Streamlit, out of them.
"""

if __name__ == "__main__":
    from benchmark.web.page import pages

    pages.show()
