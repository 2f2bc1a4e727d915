using System.Numerics;
using System.Numerics.Tensors;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Backprop;

/// <summary>Between values in memory, which are float, double or long, and the bytes that a file stores them in.</summary>
internal static class SafeTensorsValues
{
    private const uint QuietBit = 1 << 6;                   // of a bfloat16: without it a NaN whose payload is cut off would be an infinity

    /// <summary>Bytes to values; exact, but for F64 as float, which is rounded to the nearest, ties to even.</summary>
    internal static void Decode<T>(SafeTensorsType stored, ReadOnlySpan<byte> bytes, Span<T> values) where T : unmanaged, INumber<T>
    {
        switch (stored)
        {
            case SafeTensorsType.F16:
                TensorPrimitives.ConvertTruncating<Half, T>(MemoryMarshal.Cast<byte, Half>(bytes), values);
                break;
            case SafeTensorsType.BF16:
                ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < values.Length; i++)
                    values[i] = T.CreateTruncating(BitConverter.UInt32BitsToSingle((uint)halves[i] << 16));
                break;
            case SafeTensorsType.F32:
                TensorPrimitives.ConvertTruncating<float, T>(MemoryMarshal.Cast<byte, float>(bytes), values);
                break;
            default:
                TensorPrimitives.ConvertTruncating<double, T>(MemoryMarshal.Cast<byte, double>(bytes), values);
                break;
        }
    }

    /// <summary>Values to bytes; rounded once, to the nearest, ties to even.</summary>
    internal static void Encode<T>(ReadOnlySpan<T> values, SafeTensorsType stored, Span<byte> bytes) where T : unmanaged, INumber<T>
    {
        switch (stored)
        {
            case SafeTensorsType.F16:
                Span<Half> halves = MemoryMarshal.Cast<byte, Half>(bytes);
                for (int i = 0; i < values.Length; i++)
                    halves[i] = Half.CreateTruncating(values[i]);
                break;
            case SafeTensorsType.BF16:
                Span<ushort> upper = MemoryMarshal.Cast<byte, ushort>(bytes);
                for (int i = 0; i < values.Length; i++)
                    upper[i] = typeof(T) == typeof(float) ? UpperHalf(float.CreateTruncating(values[i])) : UpperHalf(RoundedToOdd(double.CreateTruncating(values[i])));
                break;
            case SafeTensorsType.F32:
                TensorPrimitives.ConvertTruncating<T, float>(values, MemoryMarshal.Cast<byte, float>(bytes));
                break;
            default:
                TensorPrimitives.ConvertTruncating<T, double>(values, MemoryMarshal.Cast<byte, double>(bytes));
                break;
        }
    }

    /// <summary>Where the first finite value lies that would be rounded to an infinity, or -1.</summary>
    internal static int IndexBeyond<T>(ReadOnlySpan<T> values, SafeTensorsType type) where T : unmanaged, INumber<T>
    {
        // Half-way between the largest number and the next power of two: from there on values go to the infinity.
        double limit = type switch
        {
            SafeTensorsType.F16 => Math.ScaleB(1, 16) - Math.ScaleB(1, 4),
            SafeTensorsType.BF16 => Math.ScaleB(1, 128) - Math.ScaleB(1, 119),
            SafeTensorsType.F32 => Math.ScaleB(1, 128) - Math.ScaleB(1, 103),
            _ => double.PositiveInfinity,
        };
        if (limit > (typeof(T) == typeof(float) ? float.MaxValue : double.MaxValue))
            return -1;
        T least = T.CreateTruncating(limit);
        for (int i = 0; i < values.Length; i++)
        {
            if (T.Abs(values[i]) >= least && T.IsFinite(values[i]))
                return i;
        }
        return -1;
    }

    /// <summary>The upper 16 bits of a float's 32, rounded to the nearest, ties to even.</summary>
    private static ushort UpperHalf(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)(float.IsNaN(value) ? (bits >> 16) | QuietBit : (bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>A double as a float whose last bit says whether anything was cut off: rounded again, to fewer bits, it gives what one rounding gives.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float RoundedToOdd(double value)
    {
        float nearest = (float)value;
        if (nearest == value || double.IsNaN(value))
            return nearest;
        uint bits = BitConverter.SingleToUInt32Bits(nearest);
        if (Math.Abs((double)nearest) > Math.Abs(value))
            bits--;                                         // towards 0; from an infinity to the largest number
        return BitConverter.UInt32BitsToSingle(bits | 1);
    }
}
