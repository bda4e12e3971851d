"""What is deployed: the CloudFormation template and the bundle of code, both made from the tenant's own bundle."""
