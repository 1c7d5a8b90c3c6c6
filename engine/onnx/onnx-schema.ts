import protobuf from "protobufjs";

/**
 * The ONNX file format (onnx.proto, version 1.18), without training information and without annotations that do not
 * affect values.
 * @see https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 */
const schema = `
syntax = "proto3";
package onnx;
message AttributeProto {
  string name = 1; float f = 2; int64 i = 3; bytes s = 4; TensorProto t = 5; GraphProto g = 6;
  repeated float floats = 7; repeated int64 ints = 8; repeated bytes strings = 9;
  repeated TensorProto tensors = 10; repeated GraphProto graphs = 11;
  TypeProto tp = 14; repeated TypeProto type_protos = 15; int32 type = 20; string ref_attr_name = 21;
  SparseTensorProto sparse_tensor = 22; repeated SparseTensorProto sparse_tensors = 23;
}
message ValueInfoProto { string name = 1; TypeProto type = 2; }
message NodeProto {
  repeated string input = 1; repeated string output = 2; string name = 3; string op_type = 4;
  repeated AttributeProto attribute = 5; string domain = 7; string overload = 8;
}
message GraphProto {
  repeated NodeProto node = 1; string name = 2; repeated TensorProto initializer = 5;
  repeated ValueInfoProto input = 11; repeated ValueInfoProto output = 12;
  repeated SparseTensorProto sparse_initializer = 15;
}
message ModelProto {
  int64 ir_version = 1; string producer_name = 2; GraphProto graph = 7;
  repeated OperatorSetIdProto opset_import = 8; repeated StringStringEntryProto metadata_props = 14;
}
message StringStringEntryProto { string key = 1; string value = 2; }
message TensorProto {
  repeated int64 dims = 1; int32 data_type = 2;
  repeated float float_data = 4; repeated int32 int32_data = 5; repeated bytes string_data = 6;
  repeated int64 int64_data = 7; string name = 8; bytes raw_data = 9;
  repeated double double_data = 10; repeated uint64 uint64_data = 11;
  repeated StringStringEntryProto external_data = 13; int32 data_location = 14;
}
message SparseTensorProto { TensorProto values = 1; TensorProto indices = 2; repeated int64 dims = 3; }
message TensorShapeProto {
  message Dimension { oneof value { int64 dim_value = 1; string dim_param = 2; } string denotation = 3; }
  repeated Dimension dim = 1;
}
message TypeProto {
  message Tensor { int32 elem_type = 1; TensorShapeProto shape = 2; }
  message Sequence { TypeProto elem_type = 1; }
  message Map { int32 key_type = 1; TypeProto value_type = 2; }
  message Optional { TypeProto elem_type = 1; }
  oneof value {
    Tensor tensor_type = 1; Sequence sequence_type = 4; Map map_type = 5; SparseTensor sparse_tensor_type = 8;
    Optional optional_type = 9;
  }
  message SparseTensor { int32 elem_type = 1; TensorShapeProto shape = 2; }
  string denotation = 6;
}
message OperatorSetIdProto { string domain = 1; int64 version = 2; }
`;

/** The root message of an ONNX file. */
export const ModelProto = protobuf.parse(schema, { keepCase: true }).root.lookupType("onnx.ModelProto");

/** A 64-bit integer of a decoded message. */
export interface Int64 {
  toNumber(): number;
  toString(): string;
}

/** A decoded tensor. In all decoded messages, a field that the file leaves out has its protobuf default. */
export interface OnnxTensor {
  readonly name: string;
  readonly dims: readonly Int64[];
  readonly data_type: number;
  readonly float_data: readonly number[];
  readonly int32_data: readonly number[];
  readonly int64_data: readonly Int64[];
  readonly double_data: readonly number[];
  readonly uint64_data: readonly Int64[];
  readonly raw_data: Uint8Array;
  readonly external_data: readonly object[];
  readonly data_location: number;
}

export interface OnnxAttribute {
  readonly name: string;
  readonly i: Int64;
  readonly t?: OnnxTensor | null;
  readonly g?: OnnxGraph | null;
  readonly tensors: readonly OnnxTensor[];
  readonly graphs: readonly OnnxGraph[];
}

export interface OnnxNode {
  readonly name: string;
  readonly op_type: string;
  readonly domain: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly OnnxAttribute[];
}

export interface OnnxDimension {
  readonly value?: "dim_value" | "dim_param";
  readonly dim_value: Int64;
  readonly dim_param: string;
}

export interface OnnxValue {
  readonly name: string;
  readonly type?: {
    readonly tensor_type?: {
      readonly elem_type: number;
      readonly shape?: { readonly dim: readonly OnnxDimension[] } | null;
    } | null;
  } | null;
}

export interface OnnxGraph {
  readonly name: string;
  readonly node: readonly OnnxNode[];
  readonly initializer: readonly OnnxTensor[];
  readonly sparse_initializer: readonly object[];
  readonly input: readonly OnnxValue[];
  readonly output: readonly OnnxValue[];
}

export interface OnnxFile {
  readonly ir_version: Int64;
  readonly graph?: OnnxGraph | null;
  readonly opset_import: readonly { readonly domain: string; readonly version: Int64 }[];
  readonly metadata_props: readonly { readonly key: string; readonly value: string }[];
}
