## Missing updates.
updates-lead = Every update that some machine lacks, with what it closes.
updates-search = KB or name
filter-month = Month
filter-product = Product
update-catalog-link = KB{ $kb } in Microsoft's update catalog
update-support-link = Microsoft's article on KB{ $kb }
update-not-missing = No machine lacks this update.
fact-restart = Restart
restart-yes = required
restart-maybe = may be required
restart-no = not required
fact-document = Document
chart-line = What replaces what
line-oldest-first = Each is replaced by the one after it. Today’s is marked.
