namespace Backprop.Checks;

/// <summary>Kernels read and write through pointers: lengths that do not agree must never reach them.</summary>
internal static class Lengths
{
    public static void MustAgree(long first, long second)
    {
        if (first != second) Throw(first, second);
    }

    public static void MustAgree(long first, long second, long third)
    {
        MustAgree(first, second);
        MustAgree(first, third);
    }

    public static void MustAgree(long first, long second, long third, long fourth)
    {
        MustAgree(first, second, third);
        MustAgree(first, fourth);
    }

    private static void Throw(long first, long second) => throw new ArgumentException($"The spans must agree in length, but have {first} and {second} elements.");
}
