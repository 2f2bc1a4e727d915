using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;
using Backprop.Simd;

namespace Backprop.Kernels;

/// <summary>Applies a rule to all values of all parameters.</summary>
/// <param name="rule">The rule.</param>
/// <param name="maximize">Whether the rule gets the gradient with its sign changed.</param>
/// <param name="weightDecay">What times p is added to the gradient. Of 0 nothing is added: 0 times infinity would be NaN.</param>
/// <param name="parameters">The parameters.</param>
/// <param name="a">The rule's first buffer, for each parameter as many values as it has; likewise the others.</param>
/// <param name="b">Its second one.</param>
/// <param name="c">Its third one.</param>
internal readonly unsafe struct Update<T, TRule>(TRule rule, bool maximize, double weightDecay, Parameter<T>[] parameters, T[][]? a, T[][]? b, T[][]? c) : ISimdKernel<T>
    where T : unmanaged, IFloatingPointIeee754<T>
    where TRule : struct, IUpdateRule<T>
{
    // Not inlined: inlined into a caller it would be compiled again with whatever room is left there, and was seen ten times slower for it.
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public void Run<V>() where V : unmanaged, ISimd<V, T>
    {
        var local = this;    // so that the loops need not read the fields again after each store
        for (var k = 0; k < local.Parameters.Length; k++)
        {
            var parameter = local.Parameters[k];
            T[]? va = local.Buffer(1, k), vb = local.Buffer(2, k), vc = local.Buffer(3, k);
            Lengths.MustAgree(parameter.Count, parameter.Gradients.Length);
            if (TRule.Buffers > 0) Lengths.MustAgree(parameter.Count, va!.Length);
            if (TRule.Buffers > 1) Lengths.MustAgree(parameter.Count, vb!.Length);
            if (TRule.Buffers > 2) Lengths.MustAgree(parameter.Count, vc!.Length);
            fixed (T* p = parameter.Values, g = parameter.Gradients, pa = va, pb = vb, pc = vc)
            {
                var i = 0;
                for (; i <= parameter.Count - V.Count; i += V.Count) local.Move<V>(p + i, g + i, pa + i, pb + i, pc + i);
                for (; i < parameter.Count; i++) local.Move<Scalar<T>>(p + i, g + i, pa + i, pb + i, pc + i);
            }
        }
    }

    private Parameter<T>[] Parameters => parameters;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private T[]? Buffer(int number, int k) => TRule.Buffers < number ? null : (number == 1 ? a : number == 2 ? b : c)![k];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Move<V>(T* values, T* gradients, T* pa, T* pb, T* pc) where V : unmanaged, ISimd<V, T>
    {
        V p = V.Load(values), g = V.Load(gradients);
        V va = TRule.Buffers > 0 ? V.Load(pa) : V.Zero, vb = TRule.Buffers > 1 ? V.Load(pb) : V.Zero, vc = TRule.Buffers > 2 ? V.Load(pc) : V.Zero;
        if (maximize) g = -g;
        if (weightDecay != 0) g += weightDecay * p;

        rule.Apply(g, ref p, ref va, ref vb, ref vc);

        p.Store(values);
        if (TRule.Buffers > 0) va.Store(pa);
        if (TRule.Buffers > 1) vb.Store(pb);
        if (TRule.Buffers > 2) vc.Store(pc);
    }
}
