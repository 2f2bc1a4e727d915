namespace Backprop.Onnx;

/// <summary>Which versions of ONNX's operators are known here.</summary>
public static class OnnxOpset
{
    /// <summary>The oldest that is written: it has LayerNormalization. Debian's ONNX 1.12 knows no newer one.</summary>
    public const int Oldest = 17;

    /// <summary>What is written unless another is asked for.</summary>
    public const int Usual = 18;

    /// <summary>The newest that is written and read.</summary>
    public const int Newest = 26;

    /// <summary>The oldest that is read.</summary>
    public const int OldestRead = 7;

    /// <summary>The version of the file format that came with an opset.</summary>
    internal static int FormatOf(int opset) => opset switch { <= 18 => 8, <= 20 => 9, <= 22 => 10, 23 => 11, 24 => 12, _ => 13 };
}
