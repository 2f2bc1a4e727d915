namespace Backprop.Onnx;

/// <summary>What the entries of a tensor are, by ONNX's numbers.</summary>
internal enum OnnxType
{
    None = 0,
    Float = 1,
    Int32 = 6,
    Int64 = 7,
    Bool = 9,
    Float16 = 10,
    Double = 11,
}
