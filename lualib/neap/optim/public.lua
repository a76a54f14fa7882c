--- The table of neap.optim, which the files of this folder put their functions into.
return {}
