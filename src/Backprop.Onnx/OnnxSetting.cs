namespace Backprop.Onnx;

/// <summary>A setting of a node, such as the axis of a softmax.</summary>
public sealed class OnnxSetting
{
    internal OnnxSetting(string name, object value)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        (Name, Value) = (name, Expect.NotNull(value));
    }

    /// <summary>The value of a setting whose type is not read.</summary>
    internal static object Unread { get; } = new();

    /// <summary>Its name, as the operator calls it.</summary>
    public string Name { get; }

    /// <summary>A float, a long, a text, an array of longs, or the graph that a node runs.</summary>
    internal object Value { get; }

    /// <summary>A whole number; 1 and 0 for yes and no.</summary>
    /// <param name="name">Its name, as the operator calls it.</param>
    /// <param name="value">The number.</param>
    public static OnnxSetting Whole(string name, long value) => new(name, value);

    /// <summary>A number; ONNX keeps floats here, even where tensors are doubles.</summary>
    /// <param name="name">Its name, as the operator calls it.</param>
    /// <param name="value">The number, rounded to a float.</param>
    public static OnnxSetting Number(string name, double value) => new(name, (float)value);

    /// <summary>A text.</summary>
    /// <param name="name">Its name, as the operator calls it.</param>
    /// <param name="value">The text.</param>
    public static OnnxSetting Text(string name, string value) => new(name, value);

    /// <summary>Texts.</summary>
    /// <param name="name">Its name, as the operator calls it.</param>
    /// <param name="values">The texts.</param>
    public static OnnxSetting Texts(string name, params string[] values) => new(name, values);

    /// <summary>Whole numbers.</summary>
    /// <param name="name">Its name, as the operator calls it.</param>
    /// <param name="values">The numbers.</param>
    public static OnnxSetting Wholes(string name, params long[] values) => new(name, values);
}
