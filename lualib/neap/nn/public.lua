--- The table of neap.nn, which the files of this folder put their functions into.
return {}
