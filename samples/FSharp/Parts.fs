/// Losses, metrics, optimizers, schedulers, containers and sources of batches of one's own.
module Parts

open System
open System.Collections.Generic
open System.Threading
open Backprop
open MathNet.Numerics.LinearAlgebra

type Quartic() =
    inherit ElementwiseLoss<float>()
    override _.Losses(p, t, losses) = for i in 0 .. p.Length - 1 do losses[i] <- (p[i] - t[i]) ** 4.0
    override _.Derivatives(p, t, derivatives) = for i in 0 .. p.Length - 1 do derivatives[i] <- 4.0 * (p[i] - t[i]) ** 3.0

type Bias() =
    inherit Metric<float>()
    override _.Name = "bias"
    override _.Measure(p, t) = (p - t).ColumnSums().Sum()

type SignGroup(parameters: IEnumerable<Parameter<float>>) =
    inherit ParameterGroup<float>(parameters, 0.01)
    override this.Update(step: UpdateStep<float>) =
        for p in step do
            for i in 0 .. p.Values.Length - 1 do p.Values[i] <- p.Values[i] - this.LearningRate * float (sign p.Gradient[i])

type Halve(optimizer) =
    inherit LRScheduler(optimizer)
    override _.Next(_: int, rate: float, _: float) = rate / 2.0

type Twice(f: Layer<float>) as this =
    inherit Layer<float>()
    do this.Register("f", f) |> ignore
    override this.OutputColumns(inputColumns) = this.Children[0].OutputColumns(inputColumns)
    override _.ForwardCore(x, pass) =
        let fx = pass.Steps[0].Forward(x)
        let y = pass.NewOutput(fx.RowCount, fx.ColumnCount)
        fx.Multiply(2.0, y)
        y
    override _.BackwardCore(pass, dY) = pass.Steps[0].Backward(dY * 2.0, pass.NeedsInputGradient)
    override _.Describe(settings) = settings.Add("factor", 2.0)

/// softplus(p - t), over vectors.
[<Struct; NoEquality; NoComparison>]
type SoftplusFunction =
    interface VectorizedLoss<float>.IFunction with
        member _.Loss<'V when 'V: unmanaged and 'V :> IVector<'V, float>>(p: 'V, t: 'V) : 'V = 'V.Softplus(p - t)
        member _.Derivative<'V when 'V: unmanaged and 'V :> IVector<'V, float>>(p: 'V, t: 'V) : 'V = 'V.Sigmoid(p - t)

type SoftplusOfDifference() =
    inherit VectorizedLoss<float>(VectorizedLoss<float>.Of(SoftplusFunction()))

/// m = 0.9 m + g, p = p - rate m, over vectors.
[<Struct; NoEquality; NoComparison>]
type HeavyRule(rate: float) =
    interface IUpdateRule<float> with
        static member Buffers = 1
        member _.Apply<'V when 'V: unmanaged and 'V :> IVector<'V, float>>(g: 'V, p: byref<'V>, a: byref<'V>, _: byref<'V>, _: byref<'V>) =
            a <- 'V.MultiplyAdd('V.Broadcast 0.9, a, g)
            p <- 'V.MultiplyAdd('V.Broadcast(-rate), a, p)

type HeavyGroup(parameters: IEnumerable<Parameter<float>>) as this =
    inherit ParameterGroup<float>(parameters, 0.01)
    let momentum = this.Register("momentum")
    override this.Update(step: UpdateStep<float>) = step.Apply(HeavyRule(this.LearningRate), momentum)

type TotalState() =
    inherit MetricState<float>("total")
    let mutable total = 0.0
    override _.AddCore(prediction, _) = total <- total + prediction.ColumnSums().Sum()
    override _.Value = total

/// A metric that adds up over chunks.
type Total() =
    inherit AccumulatingMetric<float>()
    override _.Name = "total"
    override _.NewState() = TotalState()

/// An epoch is one batch of all.
type WholeBatch(x: Matrix<float>, y: Matrix<float>) =
    inherit BatchSource<float>(x.RowCount)
    override _.SampleCount = Nullable(int64 x.RowCount)
    override _.Shuffle() = ()
    override _.TryGather(index, batch: byref<Batch<float>>, _: CancellationToken) =
        if index = 0 then batch <- Batch<float>(x, y)
        index = 0
    override _.GetState(_) = Dictionary<string, int64[]>()
    override _.SetState(_, _) = ()

/// Takes the mean of each column away, which it finds in the training samples.
type Center(features: int) as this =
    inherit Preprocessing<float>(features)
    let mean = this.RegisterBuffer(VectorBuffer<float>("mean", features))

    override this.NewFitting() =
        let sums = Array.zeroCreate<float> features
        { new Preprocessing<float>.Fitting() with
            member _.Take(_, column, value) = sums[column] <- sums[column] + value
            member _.Finish(rows) = for j in 0 .. features - 1 do mean.Value[j] <- sums[j] / float rows }

    override this.ForwardCore(x, pass) =
        this.RequireFitted()
        let y = pass.NewOutput(x.RowCount, x.ColumnCount)
        x.MapIndexed((fun _ j v -> v - mean.Value[j]), y)
        y

    override _.BackwardCore(pass, dY) =
        let dX = pass.NewInputGradient()
        dY.CopyTo dX
        dX
