--- The table of neap.gbdt, for the files of this folder that add functions to it.
return {}
