## Weaknesses.
weaknesses-lead = Weaknesses of Microsoft's documents, and on how many machines they are open.
weaknesses-search = CVE or title
filter-severity = Severity
filter-exploited = Exploited
filter-open = Where
open-here = open on some machine
open-nowhere = open on no machine
fact-vector = CVSS vector
fact-disclosed = Known in public before
weakness-msrc-link = { $cve } at the Microsoft Security Response Center
weakness-nvd-link = { $cve } in the National Vulnerability Database
tab-fixes = Updates that close it ({ $count })
