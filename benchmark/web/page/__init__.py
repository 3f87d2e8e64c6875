"""The pages, which Streamlit runs as scripts: thin views of what `benchmark.web` computes."""
