--- What each layer is in ONNX (opset 13), by the name of its class: functions (g, l, v, call) that
--- add nodes to a graph for the layer l on the value v, and give the new value, or its name where
--- channels are last as in neap. `call(inner, v, step)` writes a layer inside, step being its place
--- in messages (".inner", "[2]"). The files of this folder put them in here.
return {}
