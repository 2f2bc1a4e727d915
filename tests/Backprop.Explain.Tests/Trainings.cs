using MathNet.Numerics.LinearAlgebra;

namespace Backprop.Explain.Tests;

/// <summary>Samples for small trainings, and a watched training of them.</summary>
internal static class Trainings
{
    /// <summary>Points around a centre for each class.</summary>
    public static Samples<double> Classes(Generator generator, int count = 600, int features = 16, int classes = 10, double noise = 0.7)
    {
        var centres = Matrix<double>.Build.Dense(classes, features);
        Init.Normal(centres, 0, 1, generator);
        var x = Matrix<double>.Build.Dense(count, features);
        Init.Normal(x, 0, noise, generator);
        for (var i = 0; i < count; i++)
            for (var j = 0; j < features; j++) x[i, j] += centres[i % classes, j];
        return new(x, Matrix<double>.Build.Dense(count, 1, (i, _) => i % classes));
    }

    /// <summary>y = sin(3 a) + b / 2.</summary>
    public static Samples<double> Wave(Generator generator, int count = 256)
    {
        var x = Matrix<double>.Build.Dense(count, 2);
        Init.Uniform(x, -1, 1, generator);
        return new(x, Matrix<double>.Build.Dense(count, 1, (i, _) => Math.Sin(3 * x[i, 0]) + 0.5 * x[i, 1]));
    }

    /// <summary>2 - 16 - 1, with an activation.</summary>
    public static Sequential<double> Small(Generator generator, Layer<double>? activation = null) =>
        [new Linear<double>(2, 16, generator: generator), activation ?? new Tanh<double>(), new Linear<double>(16, 1, generator: generator)];

    /// <summary>16 - 32 - 10, with an activation.</summary>
    public static Sequential<double> Classifier(Generator generator, Layer<double>? activation = null) =>
        [new Linear<double>(16, 32, generator: generator), activation ?? new ReLU<double>(), new Linear<double>(32, 10, generator: generator)];

    /// <summary>Trains, watched, until the end or until a number is not finite, and tells of it.</summary>
    public static TrainingReport Tell(Trainer<double> trainer, int epochs)
    {
        var story = new TrainingStory<double>(trainer);
        try
        {
            story.Fit(epochs);
        }
        catch (NotFiniteNumberException)
        {
            // It is among the findings.
        }

        return story.Tell();
    }
}
