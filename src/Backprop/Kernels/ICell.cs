using System.Numerics;

namespace Backprop.Kernels;

/// <summary>One unit of a recurrent layer at one step, as a formula over vectors: what it makes of its gates, and their gradients.</summary>
/// <remarks>A gate is what comes of x_t and of h_(t-1), added; a third gate may take the two apart. Up to four gates; those that a cell has not are 0 and stay as they are.
/// <see cref="Activated"/> says what becomes of a gate before the formula sees it: one loop with all functions in it would exceed what the compiler inlines.</remarks>
internal interface ICell<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>How many gates there are, 1 to 4.</summary>
    static abstract int Gates { get; }

    /// <summary>Whether there is a state c beside h.</summary>
    static abstract bool HasMemory { get; }

    /// <summary>Whether one number more than the gates is kept for the way back.</summary>
    static abstract bool Keeps { get; }

    /// <summary>Whether the third gate takes x's and h's part each by itself.</summary>
    static abstract bool Splits { get; }

    /// <summary>What becomes of a gate before the formula sees it.</summary>
    static abstract GateFunction Activated(int gate);

    /// <summary>The new h; the gates become what is kept of them, and c the new c.</summary>
    V Forward<V>(ref V first, ref V second, ref V third, ref V fourth, V thirdOfH, V h, ref V c, out V kept) where V : unmanaged, IVector<V, T>;

    /// <summary>What of dL/dh' goes straight to the h before; the gates, as they were kept, become the gradients of what came in, and dL/dc' becomes dL/dc.</summary>
    V Backward<V>(ref V first, ref V second, ref V third, ref V fourth, V kept, V h, V c, V dH, ref V dC, out V dThirdOfH) where V : unmanaged, IVector<V, T>;
}
