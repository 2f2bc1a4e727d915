using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Applies a rule to all values of parameters that follow each other.</summary>
/// <param name="rule">The rule.</param>
/// <param name="parameters">The parameters.</param>
/// <param name="first">The first one to move.</param>
/// <param name="end">The one before which to stop.</param>
/// <param name="a">The rule's first buffer, for each parameter as many values as it has; likewise the others.</param>
/// <param name="b">Its second one.</param>
/// <param name="c">Its third one.</param>
internal readonly unsafe struct Update<T, TRule>(TRule rule, Parameter<T>[] parameters, int first, int end, T[]?[]? a, T[]?[]? b, T[]?[]? c) : ISimdKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TRule : struct, IUpdateRule<T>
{
    // Not inlined: inlined into a caller it would be compiled again with whatever room is left there, and was seen ten times slower for it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Run<V>() where V : unmanaged, ISimd<V, T>
    {
        var local = this;    // so that the loops need not read the fields again after each store
        for (var k = local.First; k < local.End; k++)
        {
            var parameter = local.Parameters[k];
            local.Move<V>(parameter.Values, parameter.Gradients, local.Buffer(1, k), local.Buffer(2, k), local.Buffer(3, k));
        }
    }

    /// <summary>Applies the rule to the values of one parameter; of the buffers, to those that it uses.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Move<V>(Span<T> values, ReadOnlySpan<T> gradients, Span<T> bufferA, Span<T> bufferB, Span<T> bufferC) where V : unmanaged, ISimd<V, T>
    {
        unchecked
        {
            Lengths.MustAgree(values.Length, gradients.Length);
            if (TRule.Buffers > 0) Lengths.MustAgree(values.Length, bufferA.Length);
            if (TRule.Buffers > 1) Lengths.MustAgree(values.Length, bufferB.Length);
            if (TRule.Buffers > 2) Lengths.MustAgree(values.Length, bufferC.Length);
            fixed (T* p = values, g = gradients, pa = bufferA, pb = bufferB, pc = bufferC)
            {
                int count = values.Length, i = 0;
                for (; i <= count - V.Count; i += V.Count) Move<V>(p + i, g + i, pa + i, pb + i, pc + i);
                for (; i < count; i++) Move<Scalar<T>>(p + i, g + i, pa + i, pb + i, pc + i);
            }
        }
    }

    private int First => first;

    private int End => end;

    private Parameter<T>[] Parameters => parameters;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T[]? Buffer(int number, int k) => TRule.Buffers < number ? null : (number == 1 ? a : number == 2 ? b : c)![k];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Move<V>(T* values, T* gradients, T* pa, T* pb, T* pc) where V : unmanaged, ISimd<V, T>
    {
        V p = V.Load(values), g = V.Load(gradients);
        V va = TRule.Buffers > 0 ? V.Load(pa) : V.Zero, vb = TRule.Buffers > 1 ? V.Load(pb) : V.Zero, vc = TRule.Buffers > 2 ? V.Load(pc) : V.Zero;

        rule.Apply(g, ref p, ref va, ref vb, ref vc);

        p.Store(values);
        if (TRule.Buffers > 0) va.Store(pa);
        if (TRule.Buffers > 1) vb.Store(pb);
        if (TRule.Buffers > 2) vc.Store(pc);
    }
}
