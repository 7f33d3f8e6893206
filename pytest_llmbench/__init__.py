"""pytest-llmbench: is the model you serve any good, and did it get worse?

A pack is a folder; a scenario is a test; a verdict is the test's outcome. The rooms, by level:

0. `records` (the nouns), `errors` (the exception tree)
1. `contracts` (the verbs), `settings`, `lookup`, `statistics`
2. `nesting`, `json_text`, `thinking`, `verdicts`, `talk_figures`, `sampling`, `summary`, `tally`, `gate`, `journal`,
   `journal_reader`, `manifest`, `runfolder`, `redaction`, `downloads`, `web`, `toolcalls`, `ordering`, `loop`,
   `pytest_ini`
3. the families: `datasets`, `engines`, `endpoints`, `dialogues`, `verifiers`, `mutations`, `reports`
4. `trial` (one scenario, one attempt), `pump` (keeps many in flight), `rehearsal` (recorded answers and
   their mutants, judged without a model)
5. `assemble` (settings -> members)
6. `plugin` (pytest), `commands` (the `llmbench` command)

A file imports only from levels above it. Importing this package loads none of them.
"""

__version__ = "0.1.0"
