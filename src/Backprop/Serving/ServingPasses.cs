using System.Numerics;
using Backprop.Checks;
using Backprop.Kernels;
using MathNet.Numerics.LinearAlgebra;

namespace Backprop;

/// <summary>Passes for whoever predicts: one for each caller at a time, kept for the next.</summary>
internal sealed class ServingPasses<T> where T : unmanaged, IFloatingPointIeee754<T>
{
    private readonly Pool<Serving> _pool = new();

    /// <summary>A pass that nobody else has.</summary>
    internal Serving Take(Layer<T> layer)
    {
        while (_pool.Take() is { } serving)
            if (serving.Leads(layer)) return serving;
        return new(layer);
    }

    /// <summary>Gives it back.</summary>
    internal void Give(Serving serving) => _pool.Give(serving);

    /// <summary>A pass in evaluation mode, and a row for one sample.</summary>
    internal sealed class Serving(Layer<T> layer)
    {
        private ReusedMatrix<T> _row;
        private int _structure = Structure.Version;

        internal ForwardPass<T> Pass { get; } = ForwardPass<T>.Made(layer, training: false);

        internal Matrix<T> Row(int columns) => _row.Get(1, columns);

        /// <summary>Whether it still leads through the layer as it is now.</summary>
        internal bool Leads(Layer<T> layer)
        {
            var structure = Structure.Version;
            if (_structure == structure) return true;
            if (!Pass.LeadsThrough(layer)) return false;
            _structure = structure;
            return true;
        }
    }
}
