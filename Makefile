# Two commands for a fresh machine: `make app` and `make test`. README has the plain ones for people without make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: app class live.html test lint bench clean

app: .venv/installed
	$(BIN)/streamlit run app.py

class: .venv/installed
	$(BIN)/python -m lenslab.ui.teachers.serve

live.html: .venv/installed
	$(BIN)/python -m lenslab.ui.live_lens.offline $@

test: .venv/installed-test
	$(BIN)/python -m pytest -n auto --maxprocesses 4 --dist loadfile

lint: .venv/installed-test
	$(BIN)/ruff check .

bench: .venv/installed-test
	$(BIN)/python benchmarks/simulate.py
	$(BIN)/python benchmarks/latency.py

.venv/installed: requirements.txt
	test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet -r requirements.txt
	touch $@

.venv/installed-test: .venv/installed requirements-test.txt requirements-dask.txt
	$(BIN)/python -m pip install --quiet -r requirements-test.txt
	touch $@

clean:
	rm -rf .venv
