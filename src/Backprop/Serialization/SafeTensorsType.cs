namespace Backprop;

/// <summary>
/// The element types of the safetensors format. <see cref="F32"/>, <see cref="F64"/> and <see cref="I64"/> are read and written,
/// <see cref="F16"/> and <see cref="BF16"/> by a conversion from and to float or double; the others are recognised, so that a file that holds them can be checked and its other tensors read.
/// </summary>
/// <remarks>
/// The order is the format's ranking, by size: its reference implementation writes the tensors of the last type first, and so does
/// <see cref="SafeTensorsWriter"/>. A name here is the name in the file without underscores: <c>F8_E4M3</c> is <see cref="F8E4M3"/>.
/// </remarks>
public enum SafeTensorsType
{
    /// <summary>True or false, one byte.</summary>
    Bool,

    /// <summary>4-bit floating point.</summary>
    F4,

    /// <summary>6-bit floating point, 2 bits of exponent.</summary>
    F6E2M3,

    /// <summary>6-bit floating point, 3 bits of exponent.</summary>
    F6E3M2,

    /// <summary>8-bit unsigned integer.</summary>
    U8,

    /// <summary>8-bit signed integer.</summary>
    I8,

    /// <summary>8-bit floating point, 5 bits of exponent.</summary>
    F8E5M2,

    /// <summary>8-bit floating point, 4 bits of exponent.</summary>
    F8E4M3,

    /// <summary>8-bit floating point, exponent only.</summary>
    F8E8M0,

    /// <summary>8-bit floating point, 4 bits of exponent, without infinities and negative zero.</summary>
    F8E4M3Fnuz,

    /// <summary>8-bit floating point, 5 bits of exponent, without infinities and negative zero.</summary>
    F8E5M2Fnuz,

    /// <summary>16-bit signed integer.</summary>
    I16,

    /// <summary>16-bit unsigned integer.</summary>
    U16,

    /// <summary>16-bit floating point (half).</summary>
    F16,

    /// <summary>16-bit floating point with the exponent of a float (bfloat16).</summary>
    BF16,

    /// <summary>32-bit signed integer.</summary>
    I32,

    /// <summary>32-bit unsigned integer.</summary>
    U32,

    /// <summary>32-bit floating point: <c>float</c>.</summary>
    F32,

    /// <summary>Complex number of two 32-bit floating points.</summary>
    C64,

    /// <summary>64-bit floating point: <c>double</c>.</summary>
    F64,

    /// <summary>64-bit signed integer: <c>long</c>.</summary>
    I64,

    /// <summary>64-bit unsigned integer.</summary>
    U64,
}

/// <summary>What the format says of each type: its name in the file and its size.</summary>
internal static class SafeTensorsTypes
{
    // Indexed by SafeTensorsType.
    private static readonly (string Name, int Bits)[] Table =
    [
        ("BOOL", 8), ("F4", 4), ("F6_E2M3", 6), ("F6_E3M2", 6), ("U8", 8), ("I8", 8), ("F8_E5M2", 8), ("F8_E4M3", 8), ("F8_E8M0", 8),
        ("F8_E4M3FNUZ", 8), ("F8_E5M2FNUZ", 8), ("I16", 16), ("U16", 16), ("F16", 16), ("BF16", 16), ("I32", 32), ("U32", 32),
        ("F32", 32), ("C64", 64), ("F64", 64), ("I64", 64), ("U64", 64),
    ];

    internal static string Name(this SafeTensorsType type) => Table[(int)type].Name;

    internal static int Bits(this SafeTensorsType type) => Table[(int)type].Bits;

    /// <summary>The type with this name in a file, or null.</summary>
    internal static SafeTensorsType? Parse(string name)
    {
        int index = Array.FindIndex(Table, entry => entry.Name == name);
        return index < 0 ? null : (SafeTensorsType)index;
    }

    /// <summary>The type that stores a <typeparamref name="T"/>, or null.</summary>
    internal static SafeTensorsType? Of<T>()
        => typeof(T) == typeof(float) ? SafeTensorsType.F32
        : typeof(T) == typeof(double) ? SafeTensorsType.F64
        : typeof(T) == typeof(long) ? SafeTensorsType.I64
        : null;

    /// <summary>Whether this is one of the floating-point types that values can be stored in.</summary>
    internal static bool IsFloating(SafeTensorsType type) => type is SafeTensorsType.F16 or SafeTensorsType.BF16 or SafeTensorsType.F32 or SafeTensorsType.F64;

    /// <summary>Whether values of one type in a file can be those of the other in memory, and the other way round.</summary>
    internal static bool AreConvertible(SafeTensorsType stored, SafeTensorsType? inMemory) =>
        IsFloating(stored) && inMemory is (SafeTensorsType.F32 or SafeTensorsType.F64);
}
