"""Saved answers judged anew, by today's packs and verifiers, or asked for once more.

===============  ==========================================================================
file             what it is
===============  ==========================================================================
todays_packs.py  the packs of a run as they are today, found again and checked
retelling.py     a talk held again from its record, so that today's rules see it whole
asking_again.py  a recorded talk held once more with a server, by the very same requests
rejudging.py     every trial of a run: what it was judged, what it is judged now
changes.py       what that changed, counted and listed
conditions.py    all that a new verdict depends on, and why it may differ from the old one
write_back.py    the new verdicts of a whole run, into its folder
stage.py         the new verdicts on their way into the run folder, safe against being killed
papers.py        the run folder's files, written again
===============  ==========================================================================
"""
