--- The table of neap.grad, which the files of this folder put their functions into.
return {}
