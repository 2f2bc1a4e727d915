using System.Numerics;

namespace Backprop;

/// <summary>Everything an optimizer must keep to go on later as if it had never stopped: numbers and arrays, each with a name.</summary>
/// <remarks>
/// The names are PyTorch's where it has the value too: <c>groups.0.lr</c> and by the parameter's number <c>0.step</c> among the numbers,
/// <c>0.momentum_buffer</c>, <c>1.exp_avg</c> among the arrays (and among the numbers a 1 that says so). An array has a value for each one of its parameter, in the order of <see cref="Parameter{T}.Values"/>.
/// </remarks>
/// <typeparam name="T"><see cref="float"/> or <see cref="double"/>.</typeparam>
/// <param name="Numbers">The numbers: hyperparameters and counts; yes is 1 and no is 0.</param>
/// <param name="Arrays">The arrays: what the optimizer remembers of past gradients.</param>
public sealed record OptimizerState<T>(IReadOnlyDictionary<string, double> Numbers, IReadOnlyDictionary<string, T[]> Arrays) where T : unmanaged, IFloatingPointIeee754<T>
{
    /// <summary>What the optimizer was made with or given since, as opposed to what it has learned.</summary>
    internal IReadOnlyDictionary<string, double> Hyperparameters()
    {
        var learned = Arrays.Keys.Select(Last).Concat(["step", "initial_lr"]).ToHashSet();
        return Numbers.Where(number => !learned.Contains(Last(number.Key))).ToDictionary();

        static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];
    }
}
