using System.Numerics;
using System.Runtime.CompilerServices;
using Backprop.Checks;

namespace Backprop;

/// <summary>A layer and its name within the layer that contains it.</summary>
/// <param name="Name">The name.</param>
/// <param name="Layer">The layer.</param>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
public sealed record NamedLayer<T>(string Name, Layer<T> Layer) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>The layer's output columns for an input of so many; a refusal has the layer's name in it. Containers ask here.</summary>
    /// <param name="inputColumns">Columns of the input.</param>
    /// <exception cref="ArgumentException">The layer takes no input of so many columns.</exception>
    public int OutputColumns(int inputColumns)
    {
        try
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            return Layer.DeclaredColumns(inputColumns);
        }
        catch (ShapeRefusedException refusal)
        {
            throw refusal.In(Name);
        }
        catch (ArgumentException refusal)
        {
            throw RefusalInStepException.In(Name, refusal);
        }
    }

    /// <summary>The layer's output rows for an input of so many; a refusal has the layer's name in it. Containers ask here.</summary>
    /// <param name="inputRows">Rows of the input.</param>
    /// <exception cref="ArgumentException">The layer takes no input of so many rows.</exception>
    public int OutputRows(int inputRows)
    {
        try
        {
            RuntimeHelpers.EnsureSufficientExecutionStack();
            return Layer.DeclaredRows(inputRows);
        }
        catch (ArgumentException refusal)
        {
            throw RefusalInStepException.In(Name, refusal);
        }
    }
}
