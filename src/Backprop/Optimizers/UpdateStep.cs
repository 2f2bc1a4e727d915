using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Kernels;
using Backprop.Simd;

namespace Backprop;

/// <summary>One step of parameters that have made the same number of steps: what <see cref="ParameterGroup{T}.Update"/> moves.</summary>
/// <remarks>
/// Either by a formula, with <see cref="Apply"/>; or by going through the parameters, <c>foreach (var parameter in step)</c>, with spans. Both once: the weight decay
/// is a part of it.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public readonly ref struct UpdateStep<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly ParameterGroup<T> _group;
    private readonly int _first, _end;

    internal UpdateStep(ParameterGroup<T> group, int first, int end, long number) => (_group, _first, _end, Number) = (group, first, end, number);

    /// <summary>Which step of these parameters this is: 1 for their first. Steps in which a parameter was frozen do not count.</summary>
    public long Number { get; }

    /// <summary>Whether this step is the first that needs the buffer.</summary>
    /// <param name="buffer">A buffer of this group.</param>
    /// <exception cref="ArgumentException">It is another group's.</exception>
    public bool IsNew(StateBuffer<T> buffer) => !_group.Has(buffer, _first);

    /// <summary>Moves every value by a formula.</summary>
    /// <param name="rule">The formula.</param>
    /// <param name="a">Its first buffer; as many as <see cref="IUpdateRule{T}.Buffers"/> says.</param>
    /// <param name="b">Its second one.</param>
    /// <param name="c">Its third one.</param>
    /// <exception cref="ArgumentException">There are more buffers or fewer than the formula uses, or one is another group's.</exception>
    /// <exception cref="InvalidOperationException">The parameters have been moved in this step already.</exception>
    public void Apply<TRule>(TRule rule, StateBuffer<T>? a = null, StateBuffer<T>? b = null, StateBuffer<T>? c = null) where TRule : struct, IUpdateRule<T>
    {
        if (TRule.Buffers is < 0 or > 3 || a is not null != TRule.Buffers > 0 || b is not null != TRule.Buffers > 1 || c is not null != TRule.Buffers > 2)
            throw new ArgumentException(Problem<TRule>((a is null ? 0 : 1) + (b is null ? 0 : 1) + (c is null ? 0 : 1)), nameof(a));
        _group.Begin();
        Move(rule, a is null ? null : _group.Arrays(a, _first, _end), b is null ? null : _group.Arrays(b, _first, _end), c is null ? null : _group.Arrays(c, _first, _end));
    }

    /// <summary>Goes through the parameters.</summary>
    /// <exception cref="InvalidOperationException">The parameters have been moved in this step already.</exception>
    public Enumerator GetEnumerator()
    {
        _group.Begin();
        return new(this);
    }

    private string Problem<TRule>(int buffers) where TRule : struct, IUpdateRule<T> =>
        $"{_group} expects as many buffers as {typeof(TRule).Name} uses, {TRule.Buffers}, but there are {buffers}.";

    private void Move<TRule>(TRule rule, T[]?[]? a, T[]?[]? b, T[]?[]? c) where TRule : struct, IUpdateRule<T>
    {
        var decay = _group.WeightDecay;
        if (decay == 0 && !_group.Maximize) Run(rule, a, b, c);
        else if (_group.WeightDecayMode == WeightDecayMode.Coupled) Run(new Coupled<TRule>(rule, _group.Maximize, decay), a, b, c);
        else Run(new Decoupled<TRule>(rule, _group.Maximize, 1 - _group.LearningRate * decay), a, b, c);
    }

    private void Run<TRule>(TRule rule, T[]?[]? a, T[]?[]? b, T[]?[]? c) where TRule : struct, IUpdateRule<T>
    {
        var update = new Update<T, TRule>(rule, _group.ParameterArray, _first, _end, a, b, c);
        Dispatch.Run<T, Update<T, TRule>>(ref update);
    }

    /// <summary>Goes through the parameters of a step.</summary>
    public ref struct Enumerator
    {
        private readonly UpdateStep<T> _step;
        private int _index;

        internal Enumerator(UpdateStep<T> step)
        {
            _step = step;
            _index = step._first - 1;
        }

        /// <summary>The parameter.</summary>
        public ParameterStep<T> Current { get; private set; }

        /// <summary>Goes on to the next parameter, and lets its weight decay.</summary>
        public bool MoveNext()
        {
            if (++_index >= _step._end) return false;
            var group = _step._group;
            ReadOnlySpan<T> gradient = group.ParameterArray[_index].Gradients;
            if (group.Maximize || group.WeightDecay != 0)
            {
                // The formula "a = g", so that these bits too are a formula's.
                T[][] scratch = group.ScratchGradients;
                new UpdateStep<T>(group, _index, _index + 1, _step.Number).Move(default(Gradient), scratch, null, null);
                gradient = scratch[_index];
            }

            Current = new(group, _index, gradient, _step.Number);
            return true;
        }
    }

    // What comes before any rule. Of a λ of 0 nothing is added: 0 times infinity would be NaN.
    private readonly struct Coupled<TRule>(TRule rule, bool maximize, double lambda) : IUpdateRule<T> where TRule : struct, IUpdateRule<T>
    {
        public static int Buffers => TRule.Buffers;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T>
        {
            if (maximize) g = -g;
            if (lambda != 0) g += lambda * p;
            rule.Apply(g, ref p, ref a, ref b, ref c);
        }
    }

    // keep = 1 - lr λ.
    private readonly struct Decoupled<TRule>(TRule rule, bool maximize, double keep) : IUpdateRule<T> where TRule : struct, IUpdateRule<T>
    {
        public static int Buffers => TRule.Buffers;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T>
        {
            if (maximize) g = -g;
            p *= keep;
            rule.Apply(g, ref p, ref a, ref b, ref c);
        }
    }

    // "a = g": the gradient as a rule is given it.
    private readonly struct Gradient : IUpdateRule<T>
    {
        public static int Buffers => 1;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Apply<V>(V g, ref V p, ref V a, ref V b, ref V c) where V : unmanaged, IVector<V, T> => a = g;
    }
}
